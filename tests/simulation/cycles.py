from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from operator import attrgetter

from tests.simulation.chains import Chain, Side, Tile, chain
from zzcp.hardware import Accelerator
from zzcp.mapping import Mapping
from zzcp.workload import Layer

FAR = 1 << 60


@dataclass
class Run:
    """What a simulation found, in cycles."""

    total: int
    loading: int
    stall: int
    unloading: int
    operations: int
    blame: Counter = field(default_factory=Counter)


class Stream:
    """Tiles that move over one link one after the other: one transfer engine."""

    rank_base = 0

    def __init__(self, machine, chain: Chain, link: int, sides: list[Side], source_upper: bool) -> None:
        self.machine, self.chain, self.link = machine, chain, link
        self.tile = tile = chain.tiles[link]
        self.n = n = max(side.cycles for side in sides)
        self.ports = []
        for position, side in enumerate(sides):
            upper = len(sides) == 1 or position == 1
            is_source = upper == source_upper
            self.ports.append((machine.port(side.port), side.cycles, is_source))
        self.even = all(c == n for _, c, _ in self.ports)
        C = tile.pieces
        self.first_piece = [s * C // n for s in range(n)]
        self.last_piece = [-(-(s + 1) * C // n) - 1 for s in range(n)]
        self.slots = 2 if link == 0 else machine.slots[chain.operand][link - 1]
        self.job = 0
        self.step = 0
        self.jobs = list(range(tile.count))
        self.seen_jobs = 0
        self.seen_pieces = 0
        self.hold = 0
        self.latency = 0
        self.blocked = ""

    @property
    def name(self):
        return f"{self.kind} {self.chain.operand}{self.link}"

    @property
    def period_now(self):
        return self.jobs[self.job] if self.job < len(self.jobs) else self.tile.count

    def pieces_now(self) -> int:
        return self.period_now * self.tile.pieces + (self.step * self.tile.pieces // self.n if self.step else 0)

    def rekey(self) -> None:
        self.key = (self.need() if self.job < len(self.jobs) else FAR) * 64 + self.rank

    def uses(self):
        """Ports this step needs."""
        s, n = self.step, self.n
        for port, m, is_source in self.ports:
            if m == n or ((s * m) % n < m if is_source else ((s + 1) * m) % n < m):
                yield port

    def advance(self) -> None:
        self.step += 1
        if self.step == self.n:
            self.step = 0
            self.job += 1
        self.rekey()

    def span(self) -> int:
        """Steps until something can change for others (after having advanced once)."""
        if not self.step:
            return 0
        s, n, C = self.step, self.n, self.tile.pieces
        # first s' > s where a piece is completed or a new one is touched
        a = -(-(self.first_piece[s - 1] + 1) * n // C)
        b = (self.last_piece[s - 1] + 1) * n // C
        return max(0, min(a, b) - 1 - s)


class Fill(Stream):
    kind = "fill"

    def __init__(self, machine, chain, link):
        super().__init__(machine, chain, link, chain.down[link], True)
        self.rank = 32 + 8 - link
        self.latency = chain.memories[link].latency if link else 0
        self.rekey()

    def need(self):
        t = self.tile
        return self.job * t.period + t.first[self.first_piece[self.step]] * t.step

    def connect(self, streams):
        self.upper = streams.get((self.chain.operand, "fill", self.link + 1))
        self.lower = streams.get((self.chain.operand, "fill", self.tile.base)) if self.link else None

    def data(self):
        up = self.upper
        if up is None:
            return True
        t = up.tile
        if t.count > 1 and self.machine.whole_first and up.seen_jobs == 0:
            return False
        if t.base < self.link:
            return up.seen_pieces > self.last_piece[self.step]
        q, m = divmod(self.job, len(t.piece_of))
        return up.seen_pieces > q * t.pieces + t.piece_of[m]

    def room(self):
        if self.link == 0:
            return self.machine.op >= (self.job - 1) * self.tile.period
        t = self.tile
        if self.job == 0:
            return True
        r = self.lower.job
        M = len(t.piece_of)
        dead = r // M * t.pieces + t.dead[r % M]
        return dead > self.job * t.pieces + self.last_piece[self.step] - self.slots

    def settle(self, now):
        if self.latency and not self.hold:
            if self.job or self.pieces_now():
                self.hold = now + self.latency
            else:
                return True
        if now < self.hold:
            return False
        self.seen_jobs = self.job
        self.seen_pieces = self.pieces_now()
        return True


class Drain(Stream):
    kind = "drain"

    def __init__(self, machine, chain, link):
        super().__init__(machine, chain, link, chain.up[link], False)
        self.rank = 8 - link
        self.latency = chain.memories[link - 1].latency if link else 0
        self.rekey()

    def need(self):
        t = self.tile
        if self.link == 0:
            return self.job + 1
        g = self.job * t.pieces + self.first_piece[self.step] + self.slots
        q, piece = divmod(g, t.pieces)
        if q >= t.count:
            return t.count * t.period + 1
        return q * t.period + t.first[piece] * t.step

    def connect(self, streams):
        self.upper = streams.get((self.chain.operand, "drain", self.link + 1))
        self.below = streams.get((self.chain.operand, "drain", self.link - 1))
        self.base = streams.get((self.chain.operand, "drain", self.tile.base))

    def data(self):
        if self.link == 0:
            return self.machine.op > self.job
        t = self.tile
        M = len(t.piece_of)
        if self.job < t.count - 1 or t.count == 1 or not self.machine.whole_first:
            if t.count == 1 and self.link - 1 > t.base:
                return self.below.seen_pieces > self.last_piece[self.step]
            return self.base.seen_jobs > self.job * M + t.last[self.last_piece[self.step]]
        return self.below.seen_jobs >= (self.job + 1) * M

    def room(self):
        up = self.upper
        if up is None or up.tile.count == 1:
            return True
        t = up.tile
        q, m = divmod(self.job, len(t.piece_of))
        if q == 0:
            return True
        return up.pieces_now() > q * t.pieces + t.piece_of[m] - up.slots

    def settle(self, now):
        if self.latency and self.job == len(self.jobs) and not self.hold:
            self.hold = now + self.latency
        if now < self.hold:
            return False
        self.seen_jobs = self.job
        self.seen_pieces = self.pieces_now()
        return True


class Back(Stream):
    kind = "back"

    def __init__(self, machine, chain, link):
        super().__init__(machine, chain, link, chain.down[link], True)
        self.rank = 16 + 8 - link
        self.jobs = [p for p, v in enumerate(chain.visits[link]) if v >= 0]
        self.seen_pieces = self.pieces_now()
        self.rekey()

    def need(self):
        t = self.tile
        return self.period_now * t.period + t.first[self.first_piece[self.step]] * t.step

    def connect(self, streams):
        self.upper = streams.get((self.chain.operand, "back", self.link + 1))
        self.drain = streams[self.chain.operand, "drain", self.link]

    def data(self):
        p = self.period_now
        prev = self.chain.visits[self.link][p]
        up = self.upper
        if up is None:
            return self.link == 0 or self.drain.seen_jobs > prev
        t = up.tile
        M = len(t.piece_of)
        q, m = divmod(p, M)
        if prev // M == q:
            return self.link == 0 or self.drain.seen_jobs > prev
        return up.seen_pieces > q * t.pieces + t.piece_of[m]

    def room(self):
        p = self.period_now
        if self.link == 0:
            return self.machine.op >= p - 1
        t = self.tile
        drained = self.drain.pieces_now()
        return drained > p * t.pieces + self.last_piece[self.step] - self.slots

    def settle(self, now):
        self.seen_jobs = self.job
        self.seen_pieces = self.pieces_now()
        return True


def slots(chains, buffering):
    room = {}
    wanted = {}
    result = {ch.operand: [0] * len(ch.tiles) for ch in chains}
    for ch in chains:
        for level, memory in enumerate(ch.memories):
            top = level == len(ch.memories) - 1
            if top:
                used = ch.top_bits
            else:
                tile = ch.tiles[level + 1]
                doubled = buffering[ch.operand][level]
                used = ch.bits[level + 1] * (1 + doubled)
                result[ch.operand][level] = tile.pieces * (1 + doubled)
                if not doubled and tile.count > 1:
                    wanted.setdefault(memory.name, []).append((ch, level))
            room[memory.name] = room.get(memory.name, memory.size) - used
    for name, tenants in wanted.items():
        while True:
            given = False
            for ch, level in tenants:
                tile = ch.tiles[level + 1]
                if result[ch.operand][level] < 2 * tile.pieces and ch.piece_bits[level + 1] <= room[name]:
                    result[ch.operand][level] += 1
                    room[name] -= ch.piece_bits[level + 1]
                    given = True
            if not given:
                break
    return result


class Machine:
    def __init__(self, accelerator: Accelerator, layer: Layer, mapping: Mapping, links, buffering, *, whole_first=True):
        self.whole_first = whole_first
        self.port_ids: dict = {}
        self.chains = [chain(accelerator, layer, mapping, links, op) for op in layer.operands if layer.precision[op]]
        self.slots = slots(self.chains, buffering)
        self.streams: dict = {}
        for ch in self.chains:
            kinds = (Drain, Back) if ch.is_output else (Fill,)
            for link in range(len(ch.tiles)):
                for kind in kinds:
                    self.streams[ch.operand, kind.kind, link] = kind(self, ch, link)
        for s in self.streams.values():
            s.connect(self.streams)
        self.operations = self.chains[0].tiles[0].period * self.chains[0].tiles[0].count
        out = layer.output
        self.inputs0 = [s for (op, k, l), s in self.streams.items() if k == "fill" and l == 0]
        self.back0 = self.streams.get((out, "back", 0))
        self.drain0 = self.streams[out, "drain", 0]
        self.visits0 = self.back0.chain.visits[0]
        self.op = 0
        self.now = 0

    def port(self, key):
        return self.port_ids.setdefault(key, len(self.port_ids))

    def can_operate(self):
        i = self.op
        if i >= self.operations:
            return False
        for s in self.inputs0:
            if s.job * s.tile.period <= i:
                return False
        if self.drain0.job < i:
            return False
        return not (self.visits0[i] >= 0 and self.back0.period_now <= i)

    def run(self) -> Run:
        live = [s for s in self.streams.values() if s.jobs]
        unsettled: list = []
        busy = [-1] * len(self.port_ids)
        start = end = None
        finish = 0
        key = attrgetter("key")
        blame = Counter()
        now = 0
        guard = 0
        total_ops = self.operations
        while live:
            guard += 1
            live.sort(key=key)
            tried = False
            operated = False
            granted = []
            port_blocked = []
            op_key = self.op * 64 + 63
            drain0 = self.drain0
            for s in list(live):
                if not tried and s.key > op_key:
                    tried = True
                    if self.can_operate():
                        operated = True
                        self.op += 1
                s.blocked = ""
                if not s.data():
                    s.blocked = "data"
                    continue
                if not s.room():
                    s.blocked = "room"
                    continue
                uses = list(s.uses())
                if any(busy[p] == now for p in uses):
                    s.blocked = "port"
                    port_blocked.append(s)
                    continue
                for p in uses:
                    busy[p] = now
                granted.append(s)
                s.advance()
            if not tried and self.can_operate():
                operated = True
                self.op += 1
            if operated:
                if start is None:
                    start = now
                end = now + 1
            elif start is not None and self.op < total_ops and self.explain:
                pass
            # how long can this go on unchanged
            k = 1
            if not operated:
                if granted:
                    k = self.stretch(granted, port_blocked, live)
                    holds = [s.hold - now - 1 for s in unsettled]
                    if holds:
                        k = max(1, min(k, min(holds)))
                    if k > 1:
                        for s in granted:
                            s.step += k - 1
                else:
                    if not unsettled:
                        raise AssertionError(f"deadlock at {now}: op {self.op}/{total_ops} " + ", ".join(f"{s.name} job {s.job}/{len(s.jobs)} step {s.step}/{s.n} {s.blocked}" for s in live))
                    k = max(1, min(s.hold for s in unsettled) - now)
                if start is not None and self.op < total_ops:
                    blame[self.culprit()] += k
                    self.stalls = getattr(self, 'stalls', 0) + k
            now += k
            pending = []
            for s in {*granted, *unsettled}:
                if not s.settle(now):
                    pending.append(s)
            unsettled = pending
            for s in granted:
                if s.job >= len(s.jobs) and s in live:
                    live.remove(s)
            if granted:
                finish = now
        if self.op < total_ops:
            raise AssertionError("operations left")
        for s in unsettled:
            finish = max(finish, s.hold)
        finish = max(finish, end)
        self.now = finish
        return Run(finish, start, end - start - total_ops, finish - end, total_ops, blame)

    explain = True

    def stretch(self, granted, port_blocked, live):
        k = min(s.span() for s in granted) + 1
        if k == 1:
            return 1
        if port_blocked:
            for s in granted:
                if not s.even:
                    return 1
            for s in port_blocked:
                if not s.even:
                    return 1
        else:
            # patterns of two streams on one port without a clash now
            used = Counter(p for s in live if not s.blocked for p, _, _ in s.ports)
            if any(c > 1 for c in used.values()):
                return 1
        return k

    def culprit(self):
        i = self.op
        waits = [s for s in self.inputs0 if s.job * s.tile.period <= i]
        if self.drain0.job < i:
            waits.append(self.drain0)
        if self.visits0[i] >= 0 and self.back0.period_now <= i:
            waits.append(self.back0)
        if not waits:
            return "none"
        s = waits[0]
        for _ in range(20):
            if s.blocked == "data":
                if isinstance(s, Fill):
                    s = s.upper
                elif isinstance(s, Drain):
                    if s.link == 0:
                        return "drain-op"
                    s = s.below
                else:
                    nxt = s.upper
                    s = nxt if nxt is not None and nxt.job < len(nxt.jobs) and nxt.blocked != "" else s.drain
                continue
            if s.blocked == "room":
                if isinstance(s, Fill):
                    return s.name + " room"
                if isinstance(s, Drain):
                    s = s.upper
                else:
                    s = s.drain
                continue
            return s.name + " " + (s.blocked or "moving")
        return s.name + " loop"


def simulate(accelerator, layer, mapping, links, buffering, **policy) -> Run:
    return Machine(accelerator, layer, mapping, links, buffering, **policy).run()
