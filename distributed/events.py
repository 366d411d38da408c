"""The run's events, as the local trainer writes them: a line each into `events.jsonl`, and to stdout for a client that
does not see the storage. The file is only ever appended to: a `start` event says after which step it goes on, and readers
let go of what stood there after that step."""

import json
import sys
from datetime import UTC, datetime

EVENTS_FILE = "events.jsonl"


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class EventLog:
    """Of an attempt it takes nothing more once that is overtaken."""

    def __init__(self, place, attempt=None):
        self.place = place
        self.attempt = attempt
        self.overtaken = False

    def append(self, event: dict) -> None:
        urgent = event["type"] != "step"
        if self.attempt is not None:
            event = {**event, "attempt": self.attempt.number}
            if self.place.writes_now(urgent):
                self.overtaken = self.overtaken or self.attempt.is_overtaken()
        if self.overtaken:
            return
        line = json.dumps(event, allow_nan=False)
        self.place.append(EVENTS_FILE, line + "\n", urgent=urgent)
        # one write, so that lines of several processes do not mix; not `print`, which Ray Train says twice
        sys.stdout.write(f"MOAT_EVENT {line}\n")
        sys.stdout.flush()
