"""The queue against a model: whatever is done to it, in whatever order, it behaves as a page of obvious code says."""

import asyncio
import random
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from kservectl.workqueue import RateLimiter, WorkQueue
from tests.fake_clock import FakeClock

KEYS = st.sampled_from("abcd")
PRIORITIES = st.sampled_from([-100, 0, 5])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), KEYS, PRIORITIES),
        st.tuples(st.just("add_after"), KEYS, st.sampled_from([0, 1, 3, 7]), PRIORITIES),
        st.tuples(st.just("get")),
        st.tuples(st.just("done"), KEYS),
        st.tuples(st.just("pass"), st.sampled_from([1, 2, 5])),
    ),
    max_size=60,
)


@dataclass
class Model:
    """What waits, in the order of adding; what is in hand; what is delayed."""

    now: int = 0
    waiting: list[tuple[int, int, str]] = field(default_factory=list)  # (priority, since, key)
    in_hand: dict[str, tuple[int, int] | None] = field(default_factory=dict)  # key -> as what it is wanted again
    delayed: dict[str, tuple[int, int]] = field(default_factory=dict)  # key -> (deadline, priority)

    def add(self, key: str, priority: int) -> None:
        if key in self.delayed:
            priority = max(priority, self.delayed.pop(key)[1])
        self._line_up(key, priority)

    def add_after(self, key: str, seconds: int, priority: int) -> None:
        if seconds == 0:
            self.add(key, priority)
        elif key in [waiting for *_, waiting in self.waiting] or self.in_hand.get(key) is not None:
            self._line_up(key, priority)
        else:
            deadline, before = self.delayed.get(key, (self.now + seconds, priority))
            self.delayed[key] = (min(deadline, self.now + seconds), max(priority, before))

    def take(self) -> str | None:
        if not self.waiting:
            return None
        best = min(self.waiting, key=lambda place: (-min(place[0], 0), place[1] - max(place[0], 0)))
        self.waiting.remove(best)
        key = best[2]
        self.in_hand[key] = None
        return key

    def done(self, key: str) -> None:
        again = self.in_hand.pop(key)
        if again is not None:
            self.waiting.append((*again, key))

    def second(self) -> None:
        self.now += 1
        due = [key for key, (deadline, _) in self.delayed.items() if deadline <= self.now]
        for key in due:
            self._line_up(key, self.delayed.pop(key)[1])

    def _line_up(self, key: str, priority: int) -> None:
        if key in self.in_hand:
            before = self.in_hand[key]
            self.in_hand[key] = (priority, self.now) if before is None else (max(before[0], priority), before[1])
            return
        for position, (before_priority, since, waiting) in enumerate(self.waiting):
            if waiting == key:
                if priority > before_priority:
                    del self.waiting[position]
                    self.waiting.append((priority, since, key))
                return
        self.waiting.append((priority, self.now, key))


@settings(max_examples=300)
@given(steps=STEPS)
def test_queue_behaves_as_its_model(steps: list[tuple[object, ...]]) -> None:
    async def play() -> None:
        clock = FakeClock(monotonic=0.0)
        queue: WorkQueue[str] = WorkQueue("model", clock=clock, limiter=RateLimiter(rng=random.Random(0)))
        model = Model()
        for step in steps:
            match step:
                case ("add", str(key), int(priority)):
                    queue.add(key, priority)
                    model.add(key, priority)
                case ("add_after", str(key), int(seconds), int(priority)):
                    queue.add_after(key, seconds, priority)
                    model.add_after(key, seconds, priority)
                case ("get",):
                    expected = model.take()
                    assert (await queue.get() if len(queue) else None) == expected
                case ("done", str(key)) if key in model.in_hand:
                    queue.done(key)
                    model.done(key)
                case ("pass", int(seconds)):
                    for _ in range(seconds):
                        clock.suspend(1)
                        model.second()
            assert len(queue) == len(model.waiting)
            assert set(model.in_hand).isdisjoint(key for *_, key in model.waiting)
        for key in list(model.in_hand):
            queue.done(key)
            model.done(key)
        while (expected := model.take()) is not None:
            assert await queue.get() == expected
        assert len(queue) == 0

    asyncio.run(play())


@settings(max_examples=30)
@given(adds=st.lists(KEYS, max_size=200), workers=st.integers(1, 5), seed=st.integers(0, 10_000))
def test_no_key_is_ever_with_two_workers_and_none_is_lost(adds: list[str], workers: int, seed: int) -> None:
    async def play() -> None:
        clock = FakeClock()
        rng = random.Random(seed)
        queue: WorkQueue[str] = WorkQueue("workers", clock=clock)
        busy: set[str] = set()
        unseen: set[str] = set()

        async def worker() -> None:
            while True:
                key = await queue.get()
                assert key not in busy
                busy.add(key)
                unseen.discard(key)
                await clock.sleep(rng.uniform(0, 2))
                busy.discard(key)
                queue.done(key)

        tasks = [asyncio.create_task(worker()) for _ in range(workers)]
        for key in adds:
            unseen.add(key)
            queue.add(key)
            if rng.random() < 0.3:
                await clock.advance(rng.uniform(0, 2))
        await clock.advance(2.0 * len(adds) + 10)
        assert not unseen
        assert not busy
        for task in tasks:
            assert not task.done()
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(play())
