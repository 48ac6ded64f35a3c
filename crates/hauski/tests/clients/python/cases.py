"""What the official Python client must be able to do with the daemon and the fake engine.

`python cases.py BASE_URL KEY EMBED_KEY REAL_MODEL` prints one line a case and ends with 1 when one failed.
Words of scripts (`say`, `slow`, `fault` ...) are those of src/fake/script.rs.
"""

import asyncio
import base64
import json
import struct
import sys
import threading
import time
import traceback

import openai
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

BASE, KEY, EMBED_KEY, REAL_EMBED = sys.argv[1:5]
client = OpenAI(base_url=BASE, api_key=KEY, max_retries=0, timeout=20)
CASES = []


def case(function):
    CASES.append(function)
    return function


def user(text):
    return [{"role": "user", "content": text}]


def chat(text, model="fake-echo", **extra):
    return client.chat.completions.create(model=model, messages=user(text), **extra)


def script(text, **extra):
    return chat(text, model="fake-script", **extra)


def text_of(stream):
    return "".join(c.choices[0].delta.content or "" for c in stream if c.choices)


def raises(kind, act, code=None, param=None):
    try:
        act()
    except kind as error:
        assert type(error) is kind, type(error)
        if code is not None:
            assert error.code == code, error.code
        if param is not None:
            assert error.param == param, error.param
        return error
    raise AssertionError(f"no {kind.__name__}")


TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
            "required": ["city", "days"],
            "additionalProperties": False,
        },
    },
}


@case
def models_are_listed():
    ids = {model.id for model in client.models.list()}
    assert {"fake-echo", "fake-script", "fake-embed", "fake-tts", "fake-asr"} <= ids, ids


@case
def one_model_is_shown():
    model = client.models.retrieve("fake-echo")
    assert model.object == "model" and model.owned_by == "fake" and model.created > 1_700_000_000


@case
def an_unknown_model_is_not_found():
    raises(openai.NotFoundError, lambda: client.models.retrieve("nobody"), "model_not_found", "model")
    raises(openai.NotFoundError, lambda: chat("hi", model="nobody"), "model_not_found", "model")


@case
def a_chat_is_answered():
    answer = chat("hello world")
    assert answer.object == "chat.completion" and answer.id.startswith("chatcmpl-")
    choice = answer.choices[0]
    assert choice.message.content == "hello world" and choice.finish_reason == "stop"
    usage = answer.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert usage.completion_tokens == 2


@case
def every_role_is_taken():
    messages = [
        {"role": "system", "content": "s"},
        {"role": "developer", "content": "d"},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "assistant", "content": "c"},
        {"role": "user", "name": "ada", "content": "last"},
    ]
    answer = client.chat.completions.create(model="fake-echo", messages=messages)
    assert answer.choices[0].message.content == "last"


@case
def a_chat_streams():
    chunks = list(chat("one two three", stream=True))
    assert chunks[0].choices[0].delta.role == "assistant"
    assert text_of(chunks) == "one two three"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert len({chunk.id for chunk in chunks}) == 1
    assert all(chunk.usage is None for chunk in chunks)


@case
def the_usage_comes_last_when_asked_for():
    chunks = list(chat("one two", stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens == 2
    assert all(chunk.usage is None for chunk in chunks[:-1])


@case
def streamed_and_whole_say_the_same():
    for seed in range(8):
        for extra in ({}, {"n": 2}, {"stop": ["ka"]}, {"max_tokens": 5}):
            whole = chat("x", model="fake-words", seed=seed, temperature=1, **extra)
            texts = {}
            ends = {}
            for chunk in chat("x", model="fake-words", seed=seed, temperature=1, stream=True, **extra):
                for choice in chunk.choices:
                    texts[choice.index] = texts.get(choice.index, "") + (choice.delta.content or "")
                    ends[choice.index] = choice.finish_reason or ends.get(choice.index)
            for choice in whole.choices:
                assert choice.message.content == texts[choice.index]
                assert choice.finish_reason == ends[choice.index]


@case
def characters_survive_the_stream():
    text = "größe 🦀🦀🦀 漢字漢字漢字 é̂"
    assert text_of(chat(text, stream=True)) == text


@case
def the_same_seed_says_the_same():
    def said(seed):
        return chat("x", model="fake-words", seed=seed, temperature=1).choices[0].message.content

    assert said(7) == said(7) and said(7) != said(8)


@case
def temperature_zero_needs_no_seed():
    def said(seed):
        return chat("x", model="fake-words", seed=seed, temperature=0).choices[0].message.content

    assert said(1) == said(2)


@case
def several_answers_are_given():
    answer = chat("x", model="fake-words", seed=3, n=3, temperature=1)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert len({choice.message.content for choice in answer.choices}) == 3


@case
def several_answers_stream_beside_each_other():
    order = [c.choices[0].index for c in chat("a b c d", n=2, stream=True) if c.choices]
    assert set(order) == {0, 1} and order != sorted(order)


@case
def a_stop_text_ends_the_answer():
    answer = chat("one two three", stop="two")
    assert answer.choices[0].message.content == "one "
    assert answer.choices[0].finish_reason == "stop"
    assert chat("one two three", stop=["x", "ee", " t"]).choices[0].message.content == "one"


@case
def a_bound_of_tokens_ends_with_length():
    answer = chat("one two three", max_completion_tokens=2)
    assert answer.choices[0].message.content == "one two"
    assert answer.choices[0].finish_reason == "length" and answer.usage.completion_tokens == 2
    assert chat("one two three", max_tokens=1).choices[0].message.content == "one"


@case
def probabilities_are_given():
    choice = chat("hi 🦀", logprobs=True, top_logprobs=3).choices[0]
    tokens = choice.logprobs.content
    assert "".join(token.token for token in tokens) == "hi 🦀"
    assert all(bytes(token.bytes).decode() == token.token for token in tokens)
    assert all(token.logprob <= 0 and len(token.top_logprobs) == 3 for token in tokens)


@case
def probabilities_stream():
    tokens = []
    for chunk in chat("one two three", logprobs=True, stream=True):
        for choice in chunk.choices:
            if choice.logprobs:
                tokens += choice.logprobs.content
    assert [token.token for token in tokens] == ["one", " two", " three"]


@case
def a_forced_tool_is_called():
    answer = chat("x", tools=[TOOL], tool_choice={"type": "function", "function": {"name": "weather"}})
    choice = answer.choices[0]
    assert choice.finish_reason == "tool_calls" and choice.message.content is None
    call = choice.message.tool_calls[0]
    arguments = json.loads(call.function.arguments)
    assert call.type == "function" and call.function.name == "weather"
    assert set(arguments) == {"city", "days"} and arguments["days"] >= 1


@case
def required_calls_some_tool():
    answer = chat("x", tools=[TOOL], tool_choice="required")
    assert answer.choices[0].message.tool_calls[0].function.name == "weather"


@case
def none_calls_no_tool():
    answer = chat("x", tools=[TOOL], tool_choice="none")
    assert answer.choices[0].message.tool_calls is None


@case
def tools_called_at_will_stream():
    calls = {}
    for chunk in script(
        'say looking; call weather {"city":"Köln","days":2}; call weather {"city":"Ulm","days":1}',
        tools=[TOOL],
        stream=True,
    ):
        for call in chunk.choices[0].delta.tool_calls or []:
            known = calls.setdefault(call.index, {"id": None, "name": None, "arguments": ""})
            known["id"] = known["id"] or call.id
            known["name"] = known["name"] or call.function.name
            known["arguments"] += call.function.arguments or ""
    assert [json.loads(call["arguments"])["city"] for call in calls.values()] == ["Köln", "Ulm"]
    assert all(call["id"] and call["name"] == "weather" for call in calls.values())


@case
def a_conversation_with_tools_goes_on():
    first = chat("x", tools=[TOOL], tool_choice="required").choices[0].message
    messages = user("x") + [
        first.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": "sunny"},
    ]
    answer = client.chat.completions.create(model="fake-echo", messages=messages, tools=[TOOL])
    assert answer.choices[0].message.content == "sunny"


@case
def the_stream_helper_gathers_calls():
    with client.chat.completions.stream(
        model="fake-echo", messages=user("x"), tools=[TOOL], tool_choice="required"
    ) as stream:
        final = stream.get_final_completion()
    assert final.choices[0].message.tool_calls[0].function.parsed_arguments["days"] >= 1


class Step(BaseModel):
    title: str
    weight: float


class Plan(BaseModel):
    name: str
    steps: list[Step]
    urgent: bool
    owner: str | None


@case
def structured_output_parses():
    answer = client.chat.completions.parse(model="fake-echo", messages=user("x"), response_format=Plan)
    plan = answer.choices[0].message.parsed
    assert isinstance(plan, Plan) and plan.steps


@case
def json_mode_gives_json():
    answer = chat("hi", response_format={"type": "json_object"})
    assert json.loads(answer.choices[0].message.content) == {"echo": "hi"}


@case
def a_schema_that_nobody_can_fit_is_refused():
    schema = {"name": "n", "strict": True, "schema": {"type": "string", "pattern": "^a+$"}}
    act = lambda: chat("x", response_format={"type": "json_schema", "json_schema": schema})
    raises(openai.BadRequestError, act, "unsupported_value", "response_format")


@case
def a_refusal_is_told_apart():
    message = script("refuse I would rather not").choices[0].message
    assert message.refusal == "I would rather not" and message.content is None


@case
def a_filter_is_named():
    assert script("say a; filter; say b").choices[0].finish_reason == "content_filter"


@case
def wrong_values_are_bad_requests():
    for extra, code, param in [
        ({"temperature": 3}, "decimal_above_max_value", "temperature"),
        ({"n": 0}, "integer_below_min_value", "n"),
        ({"max_tokens": -5}, "integer_below_min_value", "max_tokens"),
        ({"top_logprobs": 2}, "invalid_value", "top_logprobs"),
        ({"stop": ["a"] * 5}, "array_above_max_length", "stop"),
        ({"extra_body": {"top_k": 3}}, "unsupported_parameter", "top_k"),
        ({"extra_body": {"colour": 3}}, "unknown_parameter", "colour"),
        ({"extra_body": {"api_base": "http://x"}}, "unsupported_parameter", "api_base"),
    ]:
        error = raises(openai.BadRequestError, lambda: chat("x", **extra), code, param)
        assert error.type == "invalid_request_error"


@case
def the_path_of_a_fault_is_given():
    act = lambda: client.chat.completions.create(
        model="fake-echo", messages=[{"role": "user", "content": [{"type": "movie"}]}]
    )
    raises(openai.BadRequestError, act, "invalid_value", "messages[0].content[0].type")


@case
def what_the_engine_cannot_is_refused():
    raises(openai.BadRequestError, lambda: chat("x", logit_bias={"5": 1}), "unsupported_value", "logit_bias")
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    act = lambda: client.chat.completions.create(
        model="fake-echo", messages=[{"role": "user", "content": [picture]}]
    )
    raises(openai.BadRequestError, act, "unsupported_value", "messages[0].content[0]")


@case
def nothing_is_cut_to_fit_the_context():
    act = lambda: chat("word " * 100, model="fake-small")
    error = raises(openai.BadRequestError, act, "context_length_exceeded", "messages")
    assert "64 tokens" in error.message and error.response.headers["x-hauski-context-limit"] == "64"
    act = lambda: chat("word", model="fake-small", max_tokens=64)
    raises(openai.BadRequestError, act, "context_length_exceeded")
    assert chat("word", model="fake-small").choices[0].finish_reason == "stop"


@case
def the_context_is_named_in_good_answers():
    raw = client.chat.completions.with_raw_response.create(model="fake-small", messages=user("hi"))
    assert raw.headers["x-hauski-context-limit"] == "64"
    assert raw.headers["x-hauski-provider"] == "plugin:fake" and raw.headers["x-request-id"]


@case
def a_wrong_key_is_an_authentication_error():
    other = OpenAI(base_url=BASE, api_key="hk_wrong", max_retries=0)
    raises(openai.AuthenticationError, lambda: other.models.list(), "invalid_api_key")


@case
def a_key_without_the_scope_is_denied():
    other = OpenAI(base_url=BASE, api_key=EMBED_KEY, max_retries=0)
    act = lambda: other.chat.completions.create(model="fake-echo", messages=user("x"))
    raises(openai.PermissionDeniedError, act, "insufficient_scope")
    assert other.embeddings.create(model="fake-embed", input="x").data


@case
def overload_is_a_rate_limit_error():
    error = raises(openai.RateLimitError, lambda: script("fail overloaded"))
    assert int(error.response.headers["retry-after"]) >= 1


@case
def an_engine_that_is_away_is_a_server_error():
    error = raises(openai.InternalServerError, lambda: script("fail unavailable"))
    assert error.status_code == 503 and int(error.response.headers["retry-after"]) >= 1


@case
def the_client_tries_again_after_429():
    patient = client.with_options(max_retries=2)
    began = time.monotonic()
    answer = patient.chat.completions.create(model="fake-script", messages=user("once py429 overloaded; say ok"))
    assert answer.choices[0].message.content == "ok" and time.monotonic() - began >= 0.9


@case
def the_client_tries_again_after_503():
    patient = client.with_options(max_retries=2)
    answer = patient.chat.completions.create(model="fake-script", messages=user("once py503 unavailable; say ok"))
    assert answer.choices[0].message.content == "ok"


@case
def the_clients_own_timeout_holds():
    raises(openai.APITimeoutError, lambda: client.with_options(timeout=0.5).chat.completions.create(
        model="fake-script", messages=user("fault hang")
    ))


@case
def a_slow_first_token_keeps_the_stream_open():
    assert text_of(script("wait 6000; say late", stream=True)) == "late"


@case
def an_error_before_the_first_token_has_a_status():
    raises(openai.RateLimitError, lambda: script("fail overloaded", stream=True))


@case
def an_error_in_mid_stream_is_raised():
    seen = []

    def act():
        for chunk in script("say half; wait 50; fail internal", stream=True):
            seen.append(chunk)

    raises(openai.APIError, act, "upstream_error")
    assert text_of(seen) == "half"


@case
def chunks_of_no_known_shape_are_an_error():
    for fault in ["malformed", "stray", "twice", "endless", "result"]:
        error = raises(openai.InternalServerError, lambda: script(f"say a; fault {fault}"))
        assert error.status_code == 502 and error.code == "upstream_error"
        raises(openai.APIError, lambda: list(script(f"say a; wait 20; fault {fault}", stream=True)))


@case
def a_thousand_chunks_arrive():
    chunks = [c for c in script("words 1000", stream=True) if c.choices and c.choices[0].delta.content]
    assert len(chunks) == 1000 and chunks[-1].choices[0].delta.content == " w999"


@case
def closing_a_stream_leaves_the_others_alone():
    stream = script("slow 10; words 500", stream=True)
    for _ in range(3):
        next(iter(stream))
    stream.close()
    assert chat("still here").choices[0].message.content == "still here"


@case
def clients_work_at_the_same_time():
    answers = [None] * 16

    def ask(number):
        answers[number] = text_of(script(f"slow 2; words 20; say !{number}", stream=True))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert all(answer.endswith(f"!{number}") for number, answer in enumerate(answers)), answers


@case
def the_async_client_works():
    async def act():
        async with AsyncOpenAI(base_url=BASE, api_key=KEY, max_retries=0) as other:
            async def one(number):
                answer = await other.chat.completions.create(model="fake-echo", messages=user(f"n{number}"))
                return answer.choices[0].message.content

            assert await asyncio.gather(*[one(n) for n in range(8)]) == [f"n{n}" for n in range(8)]
            stream = await other.chat.completions.create(model="fake-echo", messages=user("a b"), stream=True)
            return "".join([c.choices[0].delta.content or "" async for c in stream])

    assert asyncio.run(act()) == "a b"


@case
def an_async_task_can_be_cancelled():
    async def act():
        async with AsyncOpenAI(base_url=BASE, api_key=KEY, max_retries=0) as other:
            task = asyncio.create_task(
                other.chat.completions.create(model="fake-script", messages=user("fault hang"))
            )
            await asyncio.sleep(0.3)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                return True

    assert asyncio.run(act())


@case
def completions_are_answered():
    answer = client.completions.create(model="fake-echo", prompt="once upon", max_tokens=9)
    assert answer.object == "text_completion" and answer.choices[0].text == "once upon"


@case
def completions_take_several_prompts():
    answer = client.completions.create(model="fake-echo", prompt=["a", "b"], n=2)
    assert [(c.index, c.text) for c in answer.choices] == [(0, "a"), (1, "a"), (2, "b"), (3, "b")]
    answer = client.completions.create(model="fake-echo", prompt=[[1, 2], [3]])
    assert [c.text for c in answer.choices] == ["t1 t2", "t3"]


@case
def completions_stream():
    chunks = list(client.completions.create(
        model="fake-echo", prompt=["a b", "c"], stream=True, stream_options={"include_usage": True}
    ))
    texts = {}
    for chunk in chunks[:-1]:
        texts[chunk.choices[0].index] = texts.get(chunk.choices[0].index, "") + chunk.choices[0].text
    assert texts == {0: "a b", 1: "c"} and chunks[-1].usage.completion_tokens == 3


@case
def completions_give_probabilities():
    logprobs = client.completions.create(model="fake-echo", prompt="ä b", logprobs=2).choices[0].logprobs
    assert logprobs.tokens == ["ä", " b"] and logprobs.text_offset == [0, 1]
    assert len(logprobs.top_logprobs[0]) == 2


@case
def embeddings_are_given():
    answer = client.embeddings.create(model="fake-embed", input=["a", "b"])
    assert [item.index for item in answer.data] == [0, 1] and len(answer.data[0].embedding) == 256
    assert abs(sum(x * x for x in answer.data[0].embedding) - 1) < 1e-3
    assert answer.usage.prompt_tokens == 2


@case
def embeddings_are_the_same_in_both_encodings():
    plain = client.embeddings.create(model="fake-embed", input="x", encoding_format="float")
    coded = client.embeddings.create(model="fake-embed", input="x", encoding_format="base64")
    raw = base64.b64decode(coded.data[0].embedding)
    assert list(struct.unpack(f"<{len(raw) // 4}f", raw)) == [
        struct.unpack("<f", struct.pack("<f", x))[0] for x in plain.data[0].embedding
    ]


@case
def embeddings_have_the_dimensions_asked_for():
    answer = client.embeddings.create(model="fake-embed", input="x", dimensions=16)
    assert len(answer.data[0].embedding) == 16
    act = lambda: client.embeddings.create(model="fake-embed", input="x", dimensions=512)
    raises(openai.BadRequestError, act, "unsupported_value", "dimensions")


@case
def embeddings_take_tokens():
    answer = client.embeddings.create(model="fake-embed", input=[[1, 2, 3], [4]])
    assert len(answer.data) == 2 and answer.usage.total_tokens == 4


def real_case(function):
    """With the real worker and its tiny model; `-` says that the worker was not built."""
    return case(function) if REAL_EMBED != "-" else function


@real_case
def the_real_worker_gives_vectors():
    answer = client.embeddings.create(model=REAL_EMBED, input=["the index never forgets", "a man is eating food"])
    first, second = (item.embedding for item in answer.data)
    assert len(first) == 32 and first != second
    assert abs(sum(x * x for x in first) - 1) < 1e-5
    assert answer.usage.prompt_tokens == 13
    plain = client.embeddings.create(model=REAL_EMBED, input="the index never forgets", encoding_format="float")
    assert all(abs(a - b) < 1e-6 for a, b in zip(plain.data[0].embedding, first))


@real_case
def the_real_worker_refuses_what_it_cannot_do():
    act = lambda: client.embeddings.create(model=REAL_EMBED, input="a", dimensions=8)
    raises(openai.BadRequestError, act, "unsupported_value", "dimensions")
    act = lambda: client.embeddings.create(model=REAL_EMBED, input="the index " * 40)
    raises(openai.BadRequestError, act, "context_length_exceeded")


@case
def empty_embeddings_are_refused():
    raises(openai.BadRequestError, lambda: client.embeddings.create(model="fake-embed", input=""), param="input")


@case
def a_response_is_given():
    response = client.responses.create(model="fake-echo", input="hello there", metadata={"k": "v"})
    assert response.output_text == "hello there" and response.status == "completed"
    assert response.metadata == {"k": "v"} and response.usage.output_tokens == 2
    assert response.to_dict()["store"] is False


@case
def a_response_streams_typed_events():
    events = list(client.responses.create(model="fake-echo", input="a b", stream=True))
    kinds = [event.type for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    assert [event.sequence_number for event in events] == list(range(len(events)))
    delta = "".join(e.delta for e in events if e.type == "response.output_text.delta")
    assert delta == "a b" == events[-1].response.output_text


@case
def responses_call_tools():
    tool = {"type": "function", **TOOL["function"]}
    first = client.responses.create(model="fake-echo", input="x", tools=[tool], tool_choice="required")
    call = first.output[0]
    assert call.type == "function_call" and json.loads(call.arguments)["days"] >= 1
    second = client.responses.create(
        model="fake-echo",
        tools=[tool],
        input=[
            {"role": "user", "content": "x"},
            call.to_dict(),
            {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"},
        ],
    )
    assert second.output_text == "sunny"


@case
def responses_parse_structures():
    response = client.responses.parse(model="fake-echo", input="x", text_format=Plan)
    assert isinstance(response.output_parsed, Plan)


@case
def the_response_helper_streams():
    with client.responses.stream(model="fake-echo", input="a b") as stream:
        assert stream.get_final_response().output_text == "a b"


@case
def responses_say_that_nothing_is_stored():
    act = lambda: client.responses.create(model="fake-echo", input="x", previous_response_id="resp_1")
    raises(openai.BadRequestError, act, "unsupported_parameter", "previous_response_id")
    act = lambda: client.responses.create(model="fake-echo", input="x", store=True)
    raises(openai.BadRequestError, act, "unsupported_value", "store")
    raises(openai.NotFoundError, lambda: client.responses.retrieve("resp_1"))


@case
def a_cut_response_is_incomplete():
    response = client.responses.create(model="fake-echo", input="a b c", max_output_tokens=1)
    assert response.status == "incomplete" and response.incomplete_details.reason == "max_output_tokens"


@case
def a_broken_response_fails():
    response = list(client.responses.create(
        model="fake-script", input="say a; wait 30; fail internal", stream=True
    ))[-1]
    assert response.type == "response.failed" and response.response.error.code == "upstream_error"


@case
def recordings_are_written_down():
    answer = client.audio.transcriptions.create(model="fake-asr", file=("a.txt", b"good morning\nand night"))
    assert answer.text == "good morning and night"


@case
def transcriptions_have_five_shapes():
    def ask(shape, **extra):
        return client.audio.transcriptions.create(
            model="fake-asr", file=("a.txt", b"one two\nthree"), response_format=shape, **extra
        )

    assert ask("text").strip() == "one two three"
    assert ask("srt").startswith("1\n00:00:00,000 --> 00:00:01,000\none two\n")
    assert ask("vtt").startswith("WEBVTT\n\n00:00:00.000 --> ")
    verbose = ask("verbose_json", timestamp_granularities=["word", "segment"])
    assert len(verbose.segments) == 2 and [w.word for w in verbose.words] == ["one", "two", "three"]
    assert verbose.duration == 2 and verbose.language == "en"


@case
def transcriptions_stream():
    events = list(client.audio.transcriptions.create(
        model="fake-asr", file=("a.txt", b"one\ntwo"), stream=True
    ))
    assert [event.type for event in events][-1] == "transcript.text.done"
    assert "".join(e.delta for e in events[:-1]) == events[-1].text == "one two"


@case
def speech_comes_as_bytes():
    wav = client.audio.speech.create(
        model="fake-tts", voice="anna", input="grüezi", response_format="wav"
    ).read()
    assert wav[:4] == b"RIFF" and struct.unpack("<I", wav[40:44])[0] == len(wav) - 44
    heard = client.audio.transcriptions.create(model="fake-asr", file=("a.wav", wav))
    assert heard.text == "grüezi"


@case
def speech_streams_to_a_file():
    with client.audio.speech.with_streaming_response.create(
        model="fake-tts", voice="anna", input="x" * 1000, response_format="pcm"
    ) as response:
        assert response.headers["content-type"] == "audio/pcm"
        assert sum(len(part) for part in response.iter_bytes()) == 1000 * 320


@case
def speech_that_cannot_be_is_refused():
    act = lambda: client.audio.speech.create(model="fake-tts", voice="anna", input="x")
    raises(openai.BadRequestError, act, "unsupported_value", "response_format")
    act = lambda: client.audio.speech.create(model="fake-tts", voice="nobody", input="x", response_format="wav")
    raises(openai.BadRequestError, act, "unsupported_value", "voice")


def main():
    failed = 0
    for function in CASES:
        name = function.__name__.replace("_", " ")
        try:
            function()
            print(f"ok   {name}", flush=True)
        except Exception:
            failed += 1
            print(f"FAIL {name}\n{traceback.format_exc()}", flush=True)
    print(f"{len(CASES) - failed} of {len(CASES)} cases, openai {openai.__version__}")
    sys.exit(1 if failed else 0)


main()
