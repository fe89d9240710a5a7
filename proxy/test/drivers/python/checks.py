"""What the three Python drivers' programs share: the names of the checks, and how a result is printed."""

import json
import os
import sys
import traceback

ITEM_COUNT = 5000
ALL_BYTES = bytes(range(256)) * 4
DOCUMENT = {"a": [1, "zwei", None], "nested": {"deep": True}}
TAGS = ["a", 'with "quotes", commas', "ü", None]


class Environment:
    host = os.environ["PGHOST"]
    port = int(os.environ["PGPORT"])
    user = os.environ["PGUSER"]
    boss = os.environ["BOSS_USER"]
    password = os.environ["PGPASSWORD"]
    database = os.environ["PGDATABASE"]
    ca_file = os.environ["CA_FILE"]
    superuser_url = os.environ["SUPERUSER_URL"]


KILL = "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'shop_login'"


def say(name, error=None):
    result = {"name": name, "ok": error is None}
    if error is not None:
        result["error"] = "".join(traceback.format_exception(error))[-3000:]
    print(json.dumps(result), flush=True)
    if error is not None:
        print(name, repr(error), file=sys.stderr)


def equal(seen, expected):
    if seen != expected:
        raise AssertionError(f"{seen!r} is not {expected!r}")
