// What the official client for Node must be able to do with the daemon and the fake engine.
//
// `node cases.mjs BASE_URL KEY` prints one line a case and ends with 1 when one failed. openai 6 is the
// newest that runs on Node 20; 7 wants 22.
import assert from 'node:assert/strict';
import OpenAI, { toFile } from 'openai';
import { VERSION } from 'openai/version';

const [baseURL, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 20_000 });
const cases = {};
const user = (content) => [{ role: 'user', content }];
const chat = (text, extra = {}) =>
  client.chat.completions.create({ model: 'fake-echo', messages: user(text), ...extra });
const script = (text, extra = {}) => chat(text, { model: 'fake-script', ...extra });
const textOf = async (stream) => {
  let text = '';
  for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? '';
  return text;
};
const schema = {
  type: 'object',
  properties: { city: { type: 'string' }, days: { type: 'integer' } },
  required: ['city', 'days'],
  additionalProperties: false,
};
const tool = { type: 'function', function: { name: 'weather', strict: true, parameters: schema } };

cases['models are listed'] = async () => {
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert(ids.includes('fake-echo') && ids.includes('fake-embed'));
};
cases['a chat is answered'] = async () => {
  const answer = await chat('hello world');
  assert.equal(answer.choices[0].message.content, 'hello world');
  assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + 2);
};
cases['a chat streams'] = async () => {
  assert.equal(await textOf(await chat('größe 🦀 漢字', { stream: true })), 'größe 🦀 漢字');
};
cases['the usage comes last'] = async () => {
  const chunks = [];
  const extra = { stream: true, stream_options: { include_usage: true } };
  for await (const chunk of await chat('a b', extra)) chunks.push(chunk);
  assert.equal(chunks.at(-1).usage.completion_tokens, 2);
  assert.deepEqual(chunks.at(-1).choices, []);
};
cases['the stream helper gathers the answer'] = async () => {
  const stream = client.chat.completions.stream({ model: 'fake-echo', messages: user('a b c') });
  const seen = [];
  stream.on('content', (delta) => seen.push(delta));
  const final = await stream.finalChatCompletion();
  assert.equal(final.choices[0].message.content, 'a b c');
  assert.equal(seen.join(''), 'a b c');
};
cases['a forced tool is called'] = async () => {
  const choice = { type: 'function', function: { name: 'weather' } };
  const answer = await chat('x', { tools: [tool], tool_choice: choice });
  const call = answer.choices[0].message.tool_calls[0];
  assert.equal(call.function.name, 'weather');
  assert.deepEqual(Object.keys(JSON.parse(call.function.arguments)).sort(), ['city', 'days']);
};
cases['tools called at will stream'] = async () => {
  const said = 'call weather {"city":"Köln","days":2}; call weather {"city":"Ulm","days":1}';
  const body = { model: 'fake-script', messages: user(said), tools: [tool] };
  const final = await client.chat.completions.stream(body).finalChatCompletion();
  const calls = final.choices[0].message.tool_calls;
  assert.deepEqual(calls.map((call) => JSON.parse(call.function.arguments).city), ['Köln', 'Ulm']);
};
cases['the tool runner runs'] = async () => {
  let asked;
  const runner = client.chat.completions.runTools({
    model: 'fake-script',
    messages: user('call weather {"city":"Ulm","days":1}'),
    tools: [{
      type: 'function',
      function: {
        name: 'weather', parameters: schema, parse: JSON.parse,
        function: (given) => { asked = given; return 'say sunny'; },
      },
    }],
  });
  assert.equal(await runner.finalContent(), 'sunny');
  assert.deepEqual(asked, { city: 'Ulm', days: 1 });
};
cases['structured output fits'] = async () => {
  const format = { type: 'json_schema', json_schema: { name: 'plan', strict: true, schema } };
  const answer = await client.chat.completions.parse({
    model: 'fake-echo', messages: user('x'), response_format: format,
  });
  const value = JSON.parse(answer.choices[0].message.content);
  assert(typeof value.city === 'string' && Number.isInteger(value.days));
};
cases['probabilities are given'] = async () => {
  const answer = await chat('hi there', { logprobs: true, top_logprobs: 2 });
  const tokens = answer.choices[0].logprobs.content;
  assert.equal(tokens.map((t) => t.token).join(''), 'hi there');
  assert.equal(tokens[0].top_logprobs.length, 2);
};
cases['several answers, a seed, a stop, a bound'] = async () => {
  const body = { model: 'fake-words', seed: 5, n: 2, temperature: 1, max_tokens: 4 };
  const [one, two] = [await chat('x', body), await chat('x', body)];
  assert.equal(one.choices.length, 2);
  assert.deepEqual(one.choices.map((c) => c.message), two.choices.map((c) => c.message));
  assert.equal((await chat('one two', { stop: 'two' })).choices[0].message.content, 'one ');
};
cases['errors have their classes'] = async () => {
  await assert.rejects(chat('x', { temperature: 9 }), (error) =>
    error instanceof OpenAI.BadRequestError && error.param === 'temperature'
      && error.code === 'decimal_above_max_value' && error.type === 'invalid_request_error');
  await assert.rejects(chat('x', { model: 'nobody' }), OpenAI.NotFoundError);
  await assert.rejects(script('fail overloaded'), OpenAI.RateLimitError);
  await assert.rejects(script('fail unavailable'), OpenAI.InternalServerError);
  const other = new OpenAI({ baseURL, apiKey: 'hk_wrong', maxRetries: 0 });
  await assert.rejects(other.models.list(), OpenAI.AuthenticationError);
};
cases['nothing is cut to fit the context'] = async () => {
  await assert.rejects(chat('word '.repeat(99), { model: 'fake-small' }), (error) =>
    error.code === 'context_length_exceeded'
      && error.headers.get('x-hauski-context-limit') === '64');
};
cases['the client tries again'] = async () => {
  const patient = new OpenAI({ baseURL, apiKey, maxRetries: 2 });
  for (const name of ['overloaded', 'unavailable']) {
    const answer = await patient.chat.completions.create({
      model: 'fake-script', messages: user(`once node-${name} ${name}; say ok`),
    });
    assert.equal(answer.choices[0].message.content, 'ok');
  }
};
cases['the clients own timeout holds'] = async () => {
  const body = { model: 'fake-script', messages: user('fault hang') };
  await assert.rejects(
    client.chat.completions.create(body, { timeout: 500 }), OpenAI.APIConnectionTimeoutError);
};
cases['a stream can be aborted'] = async () => {
  const stream = await script('slow 10; words 500', { stream: true });
  let seen = 0;
  for await (const _ of stream) if (++seen === 3) break;
  const controller = new AbortController();
  const body = { model: 'fake-script', messages: user('fault hang') };
  setTimeout(() => controller.abort(), 200);
  await assert.rejects(
    client.chat.completions.create(body, { signal: controller.signal }), OpenAI.APIUserAbortError);
};
cases['an error in mid-stream is thrown'] = async () => {
  const stream = await script('say half; wait 50; fail internal', { stream: true });
  let text = '';
  await assert.rejects(async () => {
    for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? '';
  }, (error) => error instanceof OpenAI.APIError && error.code === 'upstream_error');
  assert.equal(text, 'half');
};
cases['a thousand chunks arrive'] = async () => {
  const text = await textOf(await script('words 1000', { stream: true }));
  assert.equal(text.trim().split(' ').length, 1000);
};
cases['clients work at the same time'] = async () => {
  const all = await Promise.all([...Array(16).keys()].map(async (n) =>
    textOf(await script(`slow 2; words 10; say !${n}`, { stream: true }))));
  all.forEach((text, n) => assert(text.endsWith(`!${n}`), text));
};
cases['completions are answered'] = async () => {
  const answer = await client.completions.create({ model: 'fake-echo', prompt: ['a b', 'c'] });
  assert.deepEqual(answer.choices.map((c) => c.text), ['a b', 'c']);
};
cases['completions stream'] = async () => {
  let text = '';
  const stream = await client.completions.create({ model: 'fake-echo', prompt: 'a b', stream: true });
  for await (const chunk of stream) text += chunk.choices[0]?.text ?? '';
  assert.equal(text, 'a b');
};
cases['embeddings are given in base64 and as numbers'] = async () => {
  const coded = await client.embeddings.create({ model: 'fake-embed', input: ['a', 'b'] });
  const plain = await client.embeddings.create(
    { model: 'fake-embed', input: ['a', 'b'], encoding_format: 'float' });
  assert.equal(coded.data[1].embedding.length, 256);
  coded.data[1].embedding.forEach((x, i) =>
    assert(Math.abs(x - plain.data[1].embedding[i]) < 1e-6));
};
cases['embeddings have the dimensions asked for'] = async () => {
  const answer = await client.embeddings.create(
    { model: 'fake-embed', input: 'x', dimensions: 8 });
  assert.equal(answer.data[0].embedding.length, 8);
};
const real = process.argv[4];
if (real !== '-') {
  cases['the real worker gives vectors'] = async () => {
    const input = ['the index never forgets', 'a man is eating food'];
    const coded = await client.embeddings.create({ model: real, input });
    const plain = await client.embeddings.create({ model: real, input, encoding_format: 'float' });
    assert.equal(coded.data[0].embedding.length, 32);
    assert.equal(coded.usage.prompt_tokens, 13);
    coded.data.forEach((item, at) => item.embedding.forEach((x, i) =>
      assert(Math.abs(x - plain.data[at].embedding[i]) < 1e-6)));
  };
  cases['the real worker cannot shorten its vectors'] = async () => {
    await assert.rejects(client.embeddings.create({ model: real, input: 'a', dimensions: 8 }),
      (error) => error.status === 400 && error.param === 'dimensions');
  };
}
cases['a response is given'] = async () => {
  const response = await client.responses.create({ model: 'fake-echo', input: 'hello there' });
  assert.equal(response.output_text, 'hello there');
  assert.equal(response.status, 'completed');
};
cases['a response streams typed events'] = async () => {
  const kinds = [];
  let text = '';
  const stream = await client.responses.create({ model: 'fake-echo', input: 'a b', stream: true });
  for await (const event of stream) {
    kinds.push(event.type);
    if (event.type === 'response.output_text.delta') text += event.delta;
  }
  assert.equal(kinds[0], 'response.created');
  assert.equal(kinds.at(-1), 'response.completed');
  assert.equal(text, 'a b');
};
cases['the response helper gathers calls'] = async () => {
  const flat = { type: 'function', ...tool.function };
  const stream = client.responses.stream(
    { model: 'fake-echo', input: 'x', tools: [flat], tool_choice: 'required' });
  const final = await stream.finalResponse();
  assert.equal(final.output[0].type, 'function_call');
  assert(Number.isInteger(JSON.parse(final.output[0].arguments).days));
};
cases['recordings are written down'] = async () => {
  const file = await toFile(Buffer.from('good morning\nand night'), 'a.txt');
  const answer = await client.audio.transcriptions.create({ model: 'fake-asr', file });
  assert.equal(answer.text, 'good morning and night');
  const again = await toFile(Buffer.from('one\ntwo'), 'a.txt');
  const verbose = await client.audio.transcriptions.create(
    { model: 'fake-asr', file: again, response_format: 'verbose_json' });
  assert.equal(verbose.segments.length, 2);
};
cases['speech comes as bytes'] = async () => {
  const answer = await client.audio.speech.create(
    { model: 'fake-tts', voice: 'anna', input: 'hi', response_format: 'wav' });
  const bytes = Buffer.from(await answer.arrayBuffer());
  assert.equal(bytes.subarray(0, 4).toString(), 'RIFF');
  assert.equal(bytes.length, 44 + 2 * 320);
};

let failed = 0;
for (const [name, act] of Object.entries(cases)) {
  try {
    await act();
    console.log(`ok   ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${name}\n${error.stack}`);
  }
}
const count = Object.keys(cases).length;
console.log(`${count - failed} of ${count} cases, openai ${VERSION}`);
process.exit(failed ? 1 : 0);
