"""The engines that are compared, each as it would be used for rules: load a text once, decide many times."""

import re
from collections.abc import Callable, Mapping
from typing import Any

Values = Mapping[str, Any]
Decide = Callable[[Values], Any]

TYPES = {"mag": float, "gal_b_deg": float, "star": bool, "name": str}


def ampel_watch() -> Callable[[str], Decide]:
    """What the program uses: rule-engine's parser, and functions of our own."""
    from ampel_watch.rules import compile_rule

    def load(text: str) -> Decide:
        rule = compile_rule(text)

        def decide(values: Values) -> Any:
            verdict = rule.decide(values)
            return f"unknown: {', '.join(verdict.missing)}" if verdict.passed is None else verdict.passed

        return decide

    return load


def rule_engine() -> Callable[[str], Decide]:
    """rule-engine as it comes, told the types of the names."""
    import rule_engine as engine

    words = {float: engine.DataType.FLOAT, bool: engine.DataType.BOOLEAN, str: engine.DataType.STRING}
    resolver = engine.type_resolver_from_dict({name: words[type_] for name, type_ in TYPES.items()})
    context = engine.Context(type_resolver=resolver)

    def load(text: str) -> Decide:
        return engine.Rule(text, context=context).matches

    return load


def simpleeval() -> Callable[[str], Decide]:
    """simpleeval, its tree parsed once."""
    import simpleeval as engine

    def load(text: str) -> Decide:
        evaluator = engine.SimpleEval()
        parsed = evaluator.parse(text)

        def decide(values: Values) -> Any:
            evaluator.names = values
            return evaluator.eval(text, previously_parsed=parsed)

        return decide

    return load


def asteval() -> Callable[[str], Decide]:
    """asteval in its minimal form, its tree parsed once."""
    import asteval as engine

    def load(text: str) -> Decide:
        interpreter = engine.Interpreter(minimal=True, use_numpy=False)
        parsed = interpreter.parse(text)
        if interpreter.error:
            raise SyntaxError(str(interpreter.error[0].get_error()))

        def decide(values: Values) -> Any:
            interpreter.symtable.update(values)
            outcome = interpreter.run(parsed, with_raise=False)
            if interpreter.error:
                raise RuntimeError(" ".join(interpreter.error[0].get_error()[1].split()))
            return outcome

        return decide

    return load


def _as_cel(text: str) -> str:
    """A rule in CEL's spelling; its numbers have to be written as floats beside floats."""
    for word, sign in ((r"\band\b", "&&"), (r"\bor\b", "||"), (r"\bnot\b ", "!")):
        text = re.sub(word, sign, text)
    text = re.sub(r"(\S+) =~ (\S+)", r"\1.matches(\2)", text)
    return re.sub(r"(?<=[<>=] )(-?\d+)(?![\d.])", r"\1.0", text)


def cel_python() -> Callable[[str], Decide]:
    """cel-python, told the types of the names."""
    import celpy
    from celpy import celtypes

    words = {float: celtypes.DoubleType, bool: celtypes.BoolType, str: celtypes.StringType}
    environment = celpy.Environment(annotations={name: words[type_] for name, type_ in TYPES.items()})

    def load(text: str) -> Decide:
        program = environment.program(environment.compile(_as_cel(text)))

        def decide(values: Values) -> Any:
            wrapped = {name: value if value is None else words[TYPES[name]](value) for name, value in values.items()}
            return bool(program.evaluate(wrapped))

        return decide

    return load


def cel_rust() -> Callable[[str], Decide]:
    """common-expression-language: CEL in Rust."""
    import cel

    def load(text: str) -> Decide:
        return cel.compile(_as_cel(text)).execute

    return load


ENGINES: Mapping[str, Callable[[], Callable[[str], Decide]]] = {
    "ampel-watch": ampel_watch,
    "rule-engine": rule_engine,
    "simpleeval": simpleeval,
    "asteval": asteval,
    "cel-python": cel_python,
    "common-expression-language": cel_rust,
}
