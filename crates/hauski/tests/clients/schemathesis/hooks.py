"""What random requests would never hit is put in: the key, names of models and plugins that are there."""

import os

import schemathesis

KEY = os.environ["HAUSKI_KEY"]
MODELS = {
    "/v1/embeddings": "fake-embed",
    "/v1/audio/speech": "fake-tts",
    "/v1/audio/transcriptions": "fake-asr",
    "/asr/transcribe": "fake-asr",
}


@schemathesis.auth()
class Key:
    """The key, in the place of the ones that are made up."""

    def get(self, case, context):
        return KEY

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"


def is_often(name, of):
    """Whether a made-up name is among those that give way; the same name always does or never."""
    return sum(map(ord, name)) % of != 0


@schemathesis.hook
def before_call(context, case, kwargs):
    """Often a made-up name becomes one that is there. Nothing is followed for ever."""
    path = context.operation.path
    body = case.body
    if isinstance(body, dict) and isinstance(body.get("model"), str) and body["model"] and is_often(body["model"], 4):
        body["model"] = MODELS.get(path, "fake-echo")
    name = (case.path_parameters or {}).get("name")
    if isinstance(name, str) and "/admin/plugins/" in path and is_often(name, 3):
        case.path_parameters["name"] = "fake"
    if isinstance(case.query, dict):
        case.query.pop("follow", None)
    # A made-up key would win over the one above, and no request would come further than the guard.
    case.headers = {**(case.headers or {}), "Authorization": f"Bearer {KEY}"}


@schemathesis.check
def no_server_error(context, response, case):
    """Nothing but what is not there, or is on its way up or down, may be the server's fault."""
    if response.status_code < 500:
        return
    code = response.json()["error"]["code"] if response.status_code == 503 else None
    # A plugin that a request before this one stopped or replaced answers nothing for a moment.
    assert code in ("capability_unavailable", "overloaded"), f"{response.status_code}: {response.text}"
