"""Random small cases in the shape of the golden files: `cases()`."""

from datetime import date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from simulation.clock import DAY, EPOCH, HOUR, MINUTE, QUARTER, SECOND, parse_instant
from simulation.cron import NAMES_OF_DAYS, NAMES_OF_MONTHS

Case = dict[str, Any]

# Zones with dates around which their clocks change (or nothing happens): the periods lie there.
ZONES = {
    "UTC": ["2025-06-01", "2024-02-28", "2024-12-30"],
    "America/New_York": ["2025-03-08", "2025-11-01", "2025-06-30"],
    "Europe/Berlin": ["2025-03-29", "2025-10-25", "2024-12-31"],
    "Australia/Lord_Howe": ["2025-04-05", "2025-10-04"],
    "America/Santiago": ["2025-04-04", "2025-09-06"],
    "America/Havana": ["2025-03-08", "2025-11-01"],
    "Pacific/Chatham": ["2025-04-05", "2025-09-27"],
    "Africa/Casablanca": ["2025-02-22", "2025-04-05"],
    "Asia/Kathmandu": ["2025-06-01", "2024-02-28"],
    "Asia/Kolkata": ["2025-05-30"],
}
STATUSES = {
    "running": 8,
    "done": 4,
    "error": 1,
    "error_cuda": 1,
    "error_node": 1,
    "error_params": 1,
    "error_exec_timeout": 1,
    "execution_timeout": 1,
    "canceled": 1,
    "cancelled": 1,
    "new": 1,
    "waiting": 1,
    "pending": 1,
    "frobnicated": 1,
    "DONE": 1,
    "Running": 1,
    "": 1,
    None: 1,
}
SERVICES = ["text2img", "upscale-ai", "api-llm", "API-x", "S", "s", "Ünïcode", "z z", "unknown", "", None]
POOLS = ["gpu-a100", "gpu-a100-spot", "A100-x", "l4-batch", "l4", "L4-é", "t4-legacy", "h100-1"]
NODE_NAMES = ["gke-gpu-a100-0", "A100-x-1", "l4-batch-1", "l4-0", "h100-1", "h100-12", "t4-legacy-0", "GPU-A100-q"]
RULES = {
    "a100": [["*a100*"], ["*a100*"], ["A100-?*"], ["gpu-[a-b]*", "*-a100-*"]],
    "l4": [["*l4*"], ["*l4*"], ["L4*"], ["l4-[!x]*", "L4"]],
    "h100": [["h100-?"], ["H[0-9]00*"]],
    "late": [["*a100-spot*", "*"], ["*-[0-9]"], ["nothing"]],
}
ODD_METAINFO = [
    None,
    "",
    "not json",
    "null",
    "[]",
    "7",
    '"l4-0"',
    "{}",
    '{"node_name": null}',
    '{"node_name": ""}',
    '{"node_name": 5}',
    '{"node_name": ["l4-0"]}',
    '{"node": "l4-0"}',
    '{"k": {"node_name": "l4-0"}}',
    '{"node_name": "l4-0"',
    '{"node_name": "l4-0"} x',
    '{"node_name": "l4-\\u0030"}',
    '{"node_name": "h100-1", "node_name": "l4-0"}',
    '{"node_name": "l4-0", "node\\u005fname": 7}',
    '"{\\"node_name\\": \\"l4-0\\"}"',
    '"\\"{}\\""',
    "{'node_name': 'l4-0'}",
    '{"node_name": "l4-0", "k": "\\ud800 \t"}',
    '{"node_name": "l4-0", "k": NaN}',
    '{"node_name": "l4-0",}',
    ' {"k": "a100", "node_name" : "gke-gpu-a100-0"} ',
]
NAMED = {3: list(NAMES_OF_MONTHS), 4: list(NAMES_OF_DAYS)}
BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
COMMON_FIELDS = (
    ["0", "30", "*/20", "7", "15,45", "*", "59", "0/13"],
    ["*", "8", "*/3", "0", "1-2", "9-17/4", "2,22", "23", "1"],
    ["*", "?", "*/1", "*/2", "1-31", "1,15", "13", "29", "31"],
    ["*", "?", "*/1", "1-12", "JAN-DEC"],
    ["*", "?", "*/1", "*/2", "MON-FRI", "1-5", "sat,Sun", "3", "0,6"],
)
DESCRIPTORS = ["@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"]
DURATIONS = ["90m", "1h", "1.5h", "24h", "7m30s", "100s", "2h45m0.9s", "11h11m11s"]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A case: period, schedules, types with prices, events and options."""
    zone = draw(st.sampled_from(sorted(ZONES)))
    period = draw(_periods(zone))
    start, end = (parse_instant(period[key], zone) for key in ("start", "end"))
    now = draw(_nows(start, end))
    stale_after = draw(st.sampled_from([86400, 86400, 3600, 7200, 60]))
    case: Case = {
        "period": period,
        "timeZone": zone,
        "now": draw(_texts_of(now, zone)),
        "bucket": draw(st.sampled_from(["Day", "Hour"])),
        "idle": draw(st.sampled_from(["Distribute", "Separate"])),
        "executionTime": draw(st.sampled_from(["RunningOnly", "RunningOnly", "FirstRunToEnd"])),
        "staleAfterSeconds": stale_after,
        "types": draw(_types(zone, start, end)),
        "cronJobs": draw(_cron_jobs(zone, start, end)),
        "exclude": draw(st.sampled_from([[], ["api-*"], ["?"], ["UNKNOWN", "*ai"], ["ü*"]])),
        "events": draw(_events(start, end, now, stale_after)),
    }
    optional = {
        "include": draw(st.sampled_from([None, None, ["*"], ["[s-z]*", "api-*"], ["API-*"]])),
        "assumeSchedulesFrom": draw(_mostly(st.none(), _instant_texts(start - 2 * DAY, end))),
    }
    return case | {key: value for key, value in optional.items() if value is not None}


def _mostly(usual: st.SearchStrategy[Any], *others: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The first strategy three times in four (one_of would take each branch once, however often it is named)."""
    return st.sampled_from([True, True, True, False]).flatmap(lambda first: usual if first else st.one_of(*others))


def _rfc3339(instant: int, offset_minutes: int = 0) -> str:
    time = (EPOCH + timedelta(microseconds=instant)).astimezone(timezone(timedelta(minutes=offset_minutes)))
    return time.isoformat().replace("+00:00", "Z")


def _local(instant: int, zone: str) -> datetime:
    return (EPOCH + timedelta(microseconds=instant)).astimezone(ZoneInfo(zone))


def _instants(low: int, high: int) -> st.SearchStrategy[int]:
    """Instants of [low, high]: any, and whole seconds, minutes, quarters and hours."""
    units = [1, SECOND, MINUTE, QUARTER, HOUR]
    usable = [unit for unit in units if high // unit * unit >= low]
    return st.sampled_from(usable).flatmap(lambda unit: st.integers(-(-low // unit), high // unit).map(unit.__mul__))


def _instant_texts(low: int, high: int) -> st.SearchStrategy[str]:
    return st.builds(_rfc3339, _instants(low, high), st.sampled_from([0, 0, 330, -180]))


@st.composite
def _texts_of(draw: st.DrawFn, instant: int, zone: str) -> str:
    """An instant with an offset, or, where a local reading is unambiguous, without."""
    naive = _local(instant, zone).replace(tzinfo=None).isoformat()
    if draw(st.booleans()) and parse_instant(naive, zone) == instant and _local(instant, zone).fold == 0:
        return naive
    return _rfc3339(instant, draw(st.sampled_from([0, 0, 120])))


@st.composite
def _periods(draw: st.DrawFn, zone: str) -> dict[str, str]:
    """Both local dates, or both instants."""
    first = date.fromisoformat(draw(st.sampled_from(ZONES[zone]))) + timedelta(days=draw(st.integers(-1, 1)))
    days = draw(st.integers(1, 4))
    if draw(st.booleans()):
        return {"start": first.isoformat(), "end": (first + timedelta(days=days)).isoformat()}
    midnight = parse_instant(first.isoformat(), zone)
    start = draw(_instants(midnight, midnight + DAY))
    end = draw(_instants(start + 1, start + days * DAY))
    offset = draw(st.sampled_from([0, 0, 345, -240]))
    return {"start": _rfc3339(start, offset), "end": _rfc3339(end, offset)}


def _nows(start: int, end: int) -> st.SearchStrategy[int]:
    after = st.sampled_from([end, end + 5 * HOUR, end + 26 * HOUR]) | _instants(end, end + 2 * DAY)
    edges = st.sampled_from([end + 1, end + 3 * DAY, start + 1, start, start - HOUR])
    return _mostly(after, edges, _instants((start + end) // 2, end), _instants(start, end))


@st.composite
def _prices(draw: st.DrawFn) -> str | int:
    nano = draw(st.integers(10**9, 30 * 10**9) | st.integers(0, 10**9))
    digits = draw(st.integers(0, 9))
    if digits == 0:
        return nano // 10**9 if draw(st.booleans()) else str(nano // 10**9)
    text = f"{nano // 10**9}.{nano % 10**9:09d}"
    return text[: len(text) - 9 + digits]


@st.composite
def _price_steps(draw: st.DrawFn, zone: str, start: int, end: int) -> list[dict[str, Any]]:
    starts = draw(st.lists(_instants(start - DAY, end + HOUR), max_size=3, unique=True))
    steps: list[dict[str, Any]] = [{"from": draw(_texts_of(t, zone)), "pricePerHour": 0} for t in sorted(starts)]
    if draw(st.sampled_from([True, True, True, False])):
        steps.insert(0, {"pricePerHour": 0})
    return [step | {"pricePerHour": draw(_prices())} for step in steps]


@st.composite
def _types(draw: st.DrawFn, zone: str, start: int, end: int) -> list[dict[str, Any]]:
    """Ordered rules: mostly both usual types, at times any or none."""
    any_names = st.lists(st.sampled_from(sorted(RULES)), unique=True)
    usual = st.sampled_from([["a100", "l4"], ["l4", "a100", "h100"], ["h100", "l4", "a100", "late"]])
    types = []
    for name in draw(_mostly(usual, any_names)):
        rule: dict[str, Any] = {"name": name, "match": draw(st.sampled_from(RULES[name]))}
        steps: list[dict[str, Any]] = draw(_price_steps(zone, start, end))
        rule["prices"] = steps
        initial = draw(st.sampled_from([None, 0, 1, 2, 3, 5]))
        types.append(rule if initial is None else rule | {"initialNodes": initial})
    return types


@st.composite
def _items(draw: st.DrawFn, index: int) -> str:
    """One item of a cron field."""
    low, high = BOUNDS[index]
    a, b = sorted(draw(st.tuples(st.integers(low, high), st.integers(low, high))))
    names = NAMED.get(index)
    if names and draw(st.booleans()):
        first, last = names[a - low], names[b - low].upper()
    else:
        first, last = draw(st.sampled_from(["", "+", "0"])) + str(a), str(b)
    span = draw(st.sampled_from([first, first, f"{first}-{last}", "*", "?", "*-x"]))
    step = draw(st.sampled_from(["", "", "/1", "/2", "/5", "/+3", "/100"]))
    return span + step


@st.composite
def _fields(draw: st.DrawFn, index: int) -> str:
    if draw(st.integers(0, 2)):
        return draw(st.sampled_from(COMMON_FIELDS[index]))
    items = draw(st.lists(_items(index), min_size=1, max_size=3))
    return ",".join([*items, *draw(st.sampled_from([[], [], [""]]))])


@st.composite
def _schedules(draw: st.DrawFn) -> str:
    kind = draw(st.integers(0, 11))
    if kind == 0:
        return draw(st.sampled_from(DESCRIPTORS))
    if kind == 1:
        return "@every " + draw(st.sampled_from(DURATIONS))
    return " ".join(draw(_fields(index)) for index in range(len(BOUNDS)))


@st.composite
def _cron_jobs(draw: st.DrawFn, zone: str, start: int, end: int) -> list[dict[str, Any]]:
    """Jobs of several pools; some share a schedule, so that they conflict."""
    pools = draw(st.permutations(POOLS))[: draw(st.sampled_from([0, 1, 2, 3, 3, 4]))]
    jobs: list[dict[str, Any]] = []
    for pool in pools:
        for _ in range(draw(st.integers(1, 4))):
            jobs.append(draw(_cron_job(f"job-{len(jobs)}", pool, zone, start, end)))
            twins = [job for job in jobs[:-1] if job["pool"] == pool]
            if twins and draw(st.integers(0, 4)) == 0:
                jobs[-1] = twins[-1] | {key: jobs[-1][key] for key in ("name", "nodes")}
    return jobs


@st.composite
def _cron_job(draw: st.DrawFn, name: str, pool: str, zone: str, start: int, end: int) -> dict[str, Any]:
    schedule = draw(_schedules())
    job = {"name": name, "pool": pool, "nodes": draw(st.integers(0, 9)), "schedule": schedule}
    recent = st.integers((start - 2 * DAY) // SECOND, end // SECOND).map(SECOND.__mul__)
    created = st.just(start - 100 * DAY) | st.just(start // MINUTE * MINUTE) | recent
    has_creation = schedule.startswith("@every") or draw(st.integers(0, 3))
    optional = {
        "timeZone": draw(st.sampled_from([zone, zone, "UTC", "Europe/Berlin", "Australia/Lord_Howe", None])),
        "created": _rfc3339(draw(created)) if has_creation else None,
        "validFrom": draw(_mostly(st.none(), _instant_texts(start - 3 * DAY, end))),
        "suspend": draw(st.sampled_from([None, None, None, None, False, True])),
    }
    return job | {key: value for key, value in optional.items() if value is not None}


@st.composite
def _events(draw: st.DrawFn, start: int, end: int, now: int, stale_after: int) -> list[dict[str, Any]]:
    """The events of 0-40 tasks, some twice, in any order."""
    with_type = draw(st.integers(0, 3)) == 0
    count = draw(st.integers(0, 5) | st.integers(6, 40))
    moments = _moments(start, end, now)
    rows = [row for task in range(count) for row in draw(_task(task, moments, stale_after, with_type))]
    if draw(st.integers(0, 3)) == 0:
        rows = [row | {"task_id": f"t{row['task_id']}"} for row in rows]
    rows = draw(_with_event_ids(rows))
    if rows:
        rows += [draw(_duplicates(row)) for row in draw(st.lists(st.sampled_from(rows), max_size=3))]
    draw(st.randoms(use_true_random=False)).shuffle(rows)
    return rows


def _moments(start: int, end: int, now: int) -> st.SearchStrategy[int]:
    """When a task may begin: around the period, and exactly at what matters."""
    exact = st.sampled_from([start, end, now, start - 1, start + 1, end - 1, now + 1])
    inside = _instants(start, end)
    return _mostly(inside, _instants(start - DAY, end + DAY), _instants(start - HOUR, start), exact)


@st.composite
def _task(
    draw: st.DrawFn, task: int, moments: st.SearchStrategy[int], stale_after: int, with_type: bool
) -> list[dict[str, Any]]:
    """A task's events: any statuses with gaps from none to more than staleAfter."""
    stale = stale_after * SECOND
    some = _instants(0, 2 * HOUR)
    gaps = _mostly(some, _instants(0, 30 * HOUR), st.sampled_from([0, 0, 1, stale, stale + 1, stale - 1]))
    services = st.sampled_from(SERVICES)
    service = draw(services)
    metainfo = draw(_metainfo())
    time = draw(moments)
    rows: list[dict[str, Any]] = []
    for status in draw(_lives()):
        named = service if draw(st.integers(0, 5)) else draw(services)
        row = {"task_id": task, "service_name": named, "status": status, "creation_ts": time}
        row["node_id"] = draw(st.sampled_from([None, None, "n0", "n1", "l4-0"]))
        row["metainfo"] = metainfo if draw(st.integers(0, 3)) else draw(_metainfo())
        if with_type:
            row["node_type"] = draw(st.sampled_from([None, None, "l4", "a100", "custom"]))
        rows.append(row)
        time += draw(gaps)
    return rows


def _lives() -> st.SearchStrategy[list[str | None]]:
    """The statuses of a task: an ordinary life, or anything."""
    any_status = st.sampled_from([status for status, weight in STATUSES.items() for _ in range(weight)])
    ends = st.sampled_from(["done", "done", "error", "cancelled", "waiting"])
    once = ends.map(lambda end: ["new", "running", end])
    twice = st.tuples(ends, ends).map(lambda end: ["running", end[0], "running", "running", end[1]])
    return _mostly(once | twice, st.lists(any_status, min_size=1, max_size=7))


def _metainfo() -> st.SearchStrategy[str | None]:
    usual = st.sampled_from(NODE_NAMES).map(lambda name: f'{{"node_name": "{name}"}}')
    return _mostly(usual, st.sampled_from(ODD_METAINFO))


@st.composite
def _with_event_ids(draw: st.DrawFn, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Numbers or texts, in the order of the events or not; or none at all."""
    kind = draw(st.sampled_from(["numbers", "numbers", "texts", "absent"]))
    if kind == "absent":
        return rows
    ids: list[int] = list(range(1, len(rows) + 1))
    if draw(st.booleans()):
        draw(st.randoms(use_true_random=False)).shuffle(ids)
    return [{"event_id": f"e{i}" if kind == "texts" else i} | row for i, row in zip(ids, rows, strict=True)]


@st.composite
def _duplicates(draw: st.DrawFn, row: dict[str, Any]) -> dict[str, Any]:
    """The same row again, or one of the same event id with other contents."""
    changes: list[dict[str, Any]] = [
        {},
        {},
        {"creation_ts": row["creation_ts"] + draw(st.sampled_from([-HOUR, -1, 1, MINUTE]))},
        {"status": draw(st.sampled_from(list(STATUSES)))},
        {"service_name": "text2img"},
        {"metainfo": '{"node_name": "l4-0"}'},
    ]
    change: dict[str, Any] = draw(st.sampled_from(changes))
    return row | change
