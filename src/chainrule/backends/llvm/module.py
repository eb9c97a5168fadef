"""A program's module: the functions of its groups, and ``run``, the loop over many steps that threads enter together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from chainrule.backends.llvm.code import I32, I64, PTR, SCALARS, SIZES, VOID, Code, Number, define, text
from chainrule.backends.llvm.groups import Grouped, group
from chainrule.backends.llvm.layout import COUNT, META, READ, TURN, WORDS, Place, Plan
from chainrule.backends.llvm.loops import Writer, Written
from chainrule.backends.llvm.plan import Planner
from chainrule.backends.llvm.sharing import share
from chainrule.backends.llvm.stages import Staged, stage
from chainrule.backends.llvm.target import Target
from chainrule.errors import ProgramError
from chainrule.ir import B, Batch, Program, Value
from chainrule.ir.types import count, depends_on_batch

_SPIN = 3000  # looks at the barrier before a thread gives way


@dataclass(frozen=True, eq=False)
class Built:
    """A program as a module in IR, with its plan, what led to it, the places of its values, and the groups that each function is for."""

    text: str
    plan: Plan
    staged: Staged
    places: Mapping[Value, int]
    groups: Mapping[str, list[int]]

    @property
    def grouped(self) -> Grouped:
        """The groups."""
        return self.staged.grouped


def build(program: Program, target: Target, training: bool) -> Built:
    """Return a program's module.

    Args:
        program: any program; for a training, one whose outputs but ``loss`` replace inputs.
        target: the machine.
        training: whether ``run`` takes many steps on its own copies of the state and gathers its batches, or runs once on the
            caller's arrays.

    Raises:
        ProgramError: a training Program whose batches are not rows, or that replaces what it does not have.
    """
    return _Building(program, target, training).built()


class _Building:
    def __init__(self, program: Program, target: Target, training: bool) -> None:
        if training:
            _check_training(program)
        self.program = program
        self.training = training
        watched = frozenset(port.name for port in program.outputs if training and port.role == "statistic")
        grouped = group(program, watched)
        replaced: dict[Value, Value] = {}
        loss = None
        if training:
            loss = grouped.program.output("loss").value
            names = {port.name: port.value for port in program.inputs}
            replaced = {port.value: names[port.name] for port in grouped.program.outputs if port.name in names}
        gathered = frozenset(port.value for port in program.inputs if port.role in ("x", "y", "w")) if training else frozenset()
        self.staged = stage(grouped, replaced, loss, gathered)
        self.planner = Planner(self.staged, program, training)
        self.plan = self.planner.plan
        self.target = target
        self.module = ir.Module("chainrule")
        self.loss = loss

    def built(self) -> Built:
        grouped, planner = self.staged.grouped, self.planner
        writer = Writer(
            self.module, grouped, self.target, planner.place, planner.own, lambda v: v in planner.of or v in grouped.views, self.training
        )
        written: list[Written] = []
        scratch = 0
        for number, g in enumerate(grouped.groups):
            if g.kind == "matmul":
                p = writer.product(g)
                if p is not None:
                    scratch = max(scratch, sum(p.scratch().values()))
                self.plan.work += _work(g.equation)
            written.append(writer.write(g, number))
        self.plan.scratch = self.plan.private = -(-self.plan.private // 64) * 64
        self.plan.private += scratch + 128
        self.unwatched = self.plan.private  # a place for numbers that nobody watches, as wide as the widest vector
        self.plan.private += 256 if planner.watched else 0
        self.plan.row_local = self._row_local()
        self.plan.guarded = any(e.op.name in ("gather", "pick", "scatter_add") for e in grouped.program.equations)
        run = _Driver(self, written).write()
        groups: dict[str, list[int]] = {}
        for name, shared in share([*writer.functions, run]).items():
            if name in writer.groups:
                groups.setdefault(shared, []).append(writer.groups[name])
            if name != shared:
                del self.module.globals[name]
        return Built(text(self.module), self.plan, self.staged, planner.of, groups)

    def _row_local(self) -> bool:
        """Whether rows are independent of each other, and of how many there are, so that any of them can be run alone."""
        grouped = self.staged.grouped
        values = [value for e in grouped.program.equations for value in e.outputs] + [port.value for port in self.program.inputs]
        return (
            self.plan.stages <= 1
            and set(self.staged.share) <= {"rows", "each"}
            and all(port.type.shape[:1] == (B,) for port in self.program.outputs)
            and all(not any(isinstance(axis, Batch) for axis in value.type.shape[1:]) for value in values)
            and all(value.type.shape[:1] in ((), (B,)) or isinstance(value.type.shape[0], int) for value in values)
            and all(how != "anywhere" or value.type.shape[:1] != (B,) for g in grouped.groups for value, how in g.reads.items())
            and not any(
                e.op.name in ("random_bits", "dimension", "iota") and any(map(depends_on_batch, e.attributes.values()))
                for e in grouped.program.equations
            )
        )


def _check_training(program: Program) -> None:
    names = {port.name: port.type for port in program.inputs}
    for port in program.inputs:
        if port.role in ("x", "y", "w") and (port.type.shape[:1] != (B,) or any(isinstance(a, Batch) for a in port.type.shape[1:])):
            raise ProgramError(f"input '{port.name}' has type {port.type} and should have B rows of a fixed size.")
        if port.role not in ("x", "y", "w") and any(isinstance(axis, Batch) for axis in port.type.shape):
            raise ProgramError(f"input '{port.name}' has type {port.type} and cannot depend on B.")
    for port in program.outputs:
        if port.role not in ("loss", "statistic") and names.get(port.name) != port.type:
            raise ProgramError(f"output '{port.name}' replaces no input of its type.")
    values = {port.value: port for port in program.inputs}
    for port in program.outputs:
        if port.value in values and values[port.value].name != port.name:
            raise ProgramError(f"output '{port.name}' is input '{values[port.value].name}'.")
    loss = next((port for port in program.outputs if port.name == "loss"), None)
    if loss is None or loss.type.shape or not loss.type.is_float:
        raise ProgramError("a training Program has a float scalar 'loss' among its outputs.")


def _work(equation: Any) -> int:
    m, k = (count((axis,))[0] for axis in equation.inputs[0].type.shape[-2:])
    return int(2 * m * k * count(equation.outputs[0].type.shape[-1:])[0])


class _Driver:
    def __init__(self, building: _Building, written: list[Written]) -> None:
        self.building = building
        self.plan = building.plan
        self.staged = building.staged
        self.planner = building.planner
        self.written = written
        self.barrier = _barrier(building.module)
        self._parts: dict[tuple[Number, int], tuple[Any, Any]] = {}
        self.code = define(building.module, "run", [PTR, I64], internal=False, distinct=False)

    def write(self) -> Any:
        """Write the function and return it."""
        code, b = self.code, self.code.b
        self.context, self.thread = code.function.args
        self.exit = code.function.append_basic_block("exit")
        self._begin()
        self.words = {name: code.load(self.context, number, "int64") for number, name in enumerate(READ)}

        def address(name: str) -> Any:
            return b.inttoptr(self.words[name], PTR)

        self.threads = self.words["threads"]
        self.table, self.flags, self.losses = address("table"), address("flags"), address("losses")
        self.mine = code.at(address("private"), code.mul(self.thread, self.words["stride"]), "bool")
        self.scratch = code.at(self.mine, self.plan.scratch, "bool")
        self.order, meta = address("order"), address("meta")
        steps = code.function.append_basic_block("steps")
        self.entry = b.block
        b.position_at_end(steps)
        with code.loop(0, self.words["steps"]) as loop:
            self.step = loop.index
            at = code.mul(self.step, META)
            start, self.rows, epoch, step = (code.load(meta, code.add(at, word), "int64") for word in range(META))
            self._split()
            if self.building.training:
                for name, number in (("epoch", epoch), ("step", step)):
                    for n, place in enumerate(self.plan.places):
                        if place.kind == "private" and place.name == name:
                            code.store(b.trunc(number, SCALARS[place.type.dtype]), self._place(n), 0, place.type.dtype)
                for n, place in enumerate(self.plan.places):
                    if place.kind == "batch":
                        self._gather(place, self._address(len(self.plan.places) + n), self._place(n), start)
            for stage in range(self.plan.stages):
                if stage:
                    self._meet()
                self._stage(stage)
            if self.building.training and not self._tested:
                self._meet()
                self._test(self.plan.stages)
            self._commit()
            if self.building.training:
                self._meet()
        b.branch(self.exit)
        b.position_at_end(self.exit)
        b.ret_void()
        b.position_at_end(self.entry)
        b.branch(steps)
        return code.function

    _tested = False

    def _place(self, number: int) -> Any:
        """Return where a place stands. It is read where it is wanted: there are more of them than registers."""
        code, b, place = self.code, self.code.b, self.plan.places[number]
        if place.kind == "private":
            return code.at(self.mine, place.offset, "bool")
        if place.kind != "watched":
            return self._address(number)
        word = code.load(self.table, number, "int64")
        nobody = b.ptrtoint(code.at(self.mine, self.building.unwatched + 1, "bool"), I64)
        return b.inttoptr(b.select(b.icmp_unsigned("==", word, ir.Constant(I64, 0)), nobody, word), PTR)

    def _address(self, number: int) -> Any:
        """Return an address from the table."""
        return self.code.b.load(self.code.at(self.table, number, "int64"), typ=PTR, align=8)

    def _begin(self) -> None:
        """Let the other threads wait until the first one has come; where it does not, they leave."""
        code, b = self.code, self.code.b
        begun, way = code.at(self.context, WORDS.index("begun"), "int64"), code.load(self.context, WORDS.index("give_way"), "int64")
        first, wait, again, come = (code.function.append_basic_block(name) for name in ("first", "wait", "again", "come"))
        b.cbranch(b.icmp_unsigned("==", self.thread, ir.Constant(I64, 0)), first, wait)
        b.position_at_end(first)
        b.atomic_rmw("xchg", begun, ir.Constant(I64, 1), "release")
        b.branch(come)
        b.position_at_end(wait)
        leave = b.switch(b.load_atomic(begun, "acquire", 8, typ=I64), self.exit)
        leave.add_case(ir.Constant(I64, 0), again)
        leave.add_case(ir.Constant(I64, 1), come)
        b.position_at_end(again)
        _give_way(b, way)
        b.branch(wait)
        b.position_at_end(come)

    def _split(self) -> None:
        """Find the rows of this thread: whole tiles."""
        code, b = self.code, self.code.b
        tile = 8
        tiles = b.sdiv(code.add(self.rows, tile - 1), ir.Constant(I64, tile))
        share = code.quotient(code.add(tiles, code.sub(self.threads, 1)), self.threads)
        low = code.minimum(code.mul(code.mul(self.thread, share), tile), self.rows)
        self.own_rows = low, code.minimum(code.add(low, code.mul(share, tile)), self.rows)

    def _meet(self) -> None:
        code = self.code
        with code.when(code.b.icmp_signed(">", self.threads, ir.Constant(I64, 1))):
            code.b.call(self.barrier, [self.context, self.threads, self.words["give_way"]])

    def _gather(self, place: Place, source: Any, to: Any, start: Any) -> None:
        """Copy this thread's rows of the batch, in the epoch's order."""
        code = self.code
        width = count(place.type.shape[1:])[0] * SIZES[place.type.dtype]
        with code.loop(*self.own_rows) as loop:
            row = code.load(self.order, code.add(start, loop.index), "int64")
            ends = code.at(to, code.mul(loop.index, width), "bool"), code.at(source, code.mul(row, width), "bool")
            code.call("llvm.memcpy.p0.p0.i64", VOID, *ends, ir.Constant(I64, width), ir.Constant(ir.IntType(1), 0))

    def _stage(self, stage: int) -> None:
        groups = [n for n in range(len(self.written)) if self.staged.stage[n] == stage]
        groups.sort(key=lambda n: self.staged.share[n] != "each")
        if self.building.training and not self._tested:
            home = next((n for n, g in enumerate(self.staged.grouped.groups) if self.building.loss in g.roots), None)
            known = -1 if home is None else self.staged.stage[home] + (self.staged.share[home] != "each")
            for n in [n for n in groups if self.staged.share[n] == "each"]:
                self._call(n, stage)
                groups.remove(n)
            if known <= stage:
                self._test(stage)
        for n in groups:
            self._call(n, stage)

    def _call(self, number: int, stage: int) -> None:
        code, b, written = self.code, self.code.b, self.written[number]
        share = self.staged.share[number]
        extent: Number = code.mul(self.rows, written.extent.multiple) if isinstance(written.extent, Batch) else written.extent
        arguments = [self._place(self.planner.place(value)) for value in written.places] + [self.rows]
        rest = [self.mine, self.scratch, code.at(self.flags, stage, "int32")]

        def call(low: Number, high: Number) -> None:
            b.call(written.function, [*arguments, code.i64(low), code.i64(high), *rest])

        if share == "each":
            call(0, 1)
        elif share == "rows":
            call(*self.own_rows)
        elif share == "one":
            with code.when(b.icmp_unsigned("==", b.urem(ir.Constant(I64, number), self.threads), self.thread)):
                call(0, extent)
        else:
            low, high = self._part(extent, written.grain)
            with code.when(b.icmp_signed("<", low, high)):
                call(low, high)

    def _part(self, extent: Number, grain: int) -> tuple[Any, Any]:
        """Return this thread's part of an axis; if it has a fixed length, found once, before the steps."""
        if (extent, grain) not in self._parts:
            fixed = isinstance(extent, int)
            code = Code(self.code.function, ir.IRBuilder(self.entry)) if fixed else self.code
            units = -(-extent // grain) if fixed else code.b.sdiv(code.add(extent, grain - 1), ir.Constant(I64, grain))
            ends = []
            for extra in (0, 1):
                unit = code.quotient(code.mul(units, code.add(self.thread, extra)), self.threads)
                ends.append(code.minimum(code.mul(unit, grain), extent))
            if not fixed:
                return ends[0], ends[1]
            self._parts[extent, grain] = ends[0], ends[1]
        return self._parts[extent, grain]

    def _test(self, stage: int) -> None:
        """Store the loss; leave before the update if it is not finite, an index was out of range, or the loss is all that is asked for."""
        code, b = self.code, self.code.b
        self._tested = True
        number, type = self.plan.outputs["loss"][:2]
        loss = code.load(self._place(number), 0, type.dtype)
        finite = b.fcmp_ordered("<", code.intrinsic("fabs", loss), code.number(float("inf"), loss.type))
        flagged: Any = ir.Constant(I32, 0)
        for earlier in range(stage):
            flagged = b.or_(flagged, code.load(self.flags, earlier, "int32"))
        good = b.icmp_unsigned("==", flagged, ir.Constant(I32, 0))
        first = b.icmp_unsigned("==", self.thread, ir.Constant(I64, 0))
        with code.when(first):
            wide = b.fpext(loss, SCALARS["float64"]) if type.dtype == "float32" else loss
            code.store(wide, self.losses, self.step, "float64")
            on = b.and_(finite, good)
            done = b.select(on, code.add(self.step, 1), self.step)
            code.store(done, self.context, WORDS.index("done"), "int64")
            status = b.select(good, b.select(finite, ir.Constant(I64, 0), ir.Constant(I64, 1)), ir.Constant(I64, 2))
            code.store(status, self.context, WORDS.index("status"), "int64")
        on_block = code.function.append_basic_block("good")
        trained = b.icmp_unsigned("==", self.words["measure"], ir.Constant(I64, 0))
        b.cbranch(b.and_(b.and_(finite, good), trained), on_block, self.exit)
        b.position_at_end(on_block)

    def _commit(self) -> None:
        """Copy what could not be replaced in place: a thread's own scalars, and shared arrays behind a barrier."""
        code, b = self.code, self.code.b
        own = [(s, t) for s, t in self.plan.commits if self.plan.places[t].kind == "private"]
        shared = [(s, t) for s, t in self.plan.commits if self.plan.places[t].kind != "private"]
        if shared or any(self.plan.places[s].kind != "private" for s, _ in own):
            self._meet()
        for source, to in own:
            dtype = self.plan.places[to].type.dtype
            code.store(code.load(self._place(source), 0, dtype), self._place(to), 0, dtype)
        for number, (source, to) in enumerate(shared):
            type = self.plan.places[to].type
            with code.when(b.icmp_unsigned("==", b.urem(ir.Constant(I64, number), self.threads), self.thread)):
                bytes = count(type.shape)[0] * SIZES[type.dtype]
                code.call(
                    "llvm.memcpy.p0.p0.i64",
                    VOID,
                    self._place(to),
                    self._place(source),
                    ir.Constant(I64, bytes),
                    ir.Constant(ir.IntType(1), 0),
                )


def _barrier(module: Any) -> Any:
    """Write the barrier: the last thread to come starts the next turn; the others look for a while, then give way to other work."""
    code = define(module, "meet", [PTR, I64, I64], distinct=False)
    b = code.b
    context, threads, give_way = code.function.args
    arrived, turn = code.at(context, COUNT, "int64"), code.at(context, TURN, "int64")
    before = b.load_atomic(turn, "acquire", 8, typ=I64)
    already = b.atomic_rmw("add", arrived, ir.Constant(I64, 1), "acq_rel")
    last, wait, way, away = (code.function.append_basic_block(name) for name in ("last", "wait", "way", "away"))
    entry = b.block
    b.cbranch(b.icmp_unsigned("==", b.add(already, ir.Constant(I64, 1)), threads), last, wait)
    b.position_at_end(last)
    b.atomic_rmw("xchg", arrived, ir.Constant(I64, 0), "monotonic")
    b.atomic_rmw("xchg", turn, b.add(before, ir.Constant(I64, 1)), "release")
    b.ret_void()
    b.position_at_end(wait)
    looks = b.phi(I32)
    looks.add_incoming(ir.Constant(I32, 0), entry)
    now = b.load_atomic(turn, "acquire", 8, typ=I64)
    more = b.add(looks, ir.Constant(I32, 1))
    check = code.function.append_basic_block("check")
    b.cbranch(b.icmp_unsigned("!=", now, before), away, check)
    b.position_at_end(check)
    looks.add_incoming(more, check)
    b.cbranch(b.icmp_unsigned(">", more, ir.Constant(I32, _SPIN)), way, wait)
    b.position_at_end(way)
    _give_way(b, give_way)
    looks.add_incoming(ir.Constant(I32, _SPIN // 2), way)
    b.branch(wait)
    b.position_at_end(away)
    b.ret_void()
    return code.function


def _give_way(b: Any, address: Any) -> None:
    """Let other threads run."""
    b.call(b.inttoptr(address, ir.FunctionType(I32, []).as_pointer()), [])
