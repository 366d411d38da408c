"""What a run learns, as the training loop knows it. A task deals in items, of which a step takes some: windows of a stream,
rows of conversations, pairs of answers. Every worker holds the same task and is given its share of the items."""


class Task:
    # tokens that an epoch learns, for the `start` event
    train_tokens: int
    # rows of tokens that an item takes
    rows_per_item = 1
    # whether the weights are measured before the first step, too
    measures_first = False

    def order(self, batches: dict):
        """The items in their order, from a place in it: an object with `take(count)` and `position`."""
        raise NotImplementedError

    def look_at_beginning(self, run) -> None:
        """What must be known of the weights that the run began with: they are in the model now, also in a run that goes on."""

    # whether `look_at_beginning` does something
    looks_at_beginning = False

    def count(self, items: list) -> int:
        """What the losses of a step's items are divided by."""
        raise NotImplementedError

    def loss(self, run, items: list):
        """Of some items, as a sum over all that is counted."""
        raise NotImplementedError

    def measure(self, run) -> dict | None:
        """On what is held out: the fields of an `eval` event, and under `kept` what a tuning run's checkpoint holds of it.
        None where nothing is."""
        raise NotImplementedError

    def describe(self, items: list) -> str:
        """Of what documents or records they are."""
        raise NotImplementedError
