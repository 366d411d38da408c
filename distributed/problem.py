"""An error meant for a person: one line that says what is wrong and what to do, as `MoatError` on the other side."""

import json


class MoatError(Exception):
    def __init__(self, code: str, what: str, fix: str | None = None):
        super().__init__(what)
        self.code = code
        self.what = what
        self.fix = fix

    @property
    def line(self) -> str:
        """What the client turns back into an error."""
        return "MOAT_ERROR " + json.dumps({"code": self.code, "what": self.what, "fix": self.fix})
