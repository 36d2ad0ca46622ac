"""Files with faults: bytes that flip, and messages whose fields say something else."""

LENGTHS = [*range(-2, 10), 2**16, 2**20, 2**31 - 1, 2**40, 2**62, -(2**31), -(2**63)]
WORDS = ["", "x", "w", "y", "it", "data", "SAME_UPPER", "\u20ac", "a" * 1000]
NUMBERS = [float("nan"), float("inf"), 0.0, 1.5, -1e30]


def damaged(data, rng):
    """`data`, cut off somewhere or with some bytes changed."""
    data = data or b"nothing"
    if rng.random() < 0.3:
        return data[: rng.integers(len(data))]
    changed = bytearray(data)
    for place in rng.integers(len(data), size=rng.integers(1, 6)):
        changed[place] = rng.integers(256)
    return bytes(changed)


def mutate(message, rng):
    """Change one field somewhere in a message of protocol buffers, in place."""
    stated = [field for field, _ in message.ListFields()]
    choice = stated if stated and rng.random() < 0.9 else message.DESCRIPTOR.fields
    field = choice[rng.integers(len(choice))]
    held = getattr(message, field.name)
    if field.message_type is None:
        change_value(message, field, held, rng)
    elif not hasattr(held, "add"):
        mutate(held, rng)
    else:
        change_messages(held, rng)


def change_messages(held, rng):
    """Change, repeat, add or remove one of several messages."""
    turn = rng.random()
    if not held or turn < 0.07:
        held.add()
    elif turn < 0.8:
        mutate(held[rng.integers(len(held))], rng)
    elif turn < 0.9:
        held.add().CopyFrom(held[rng.integers(len(held))])
    else:
        del held[rng.integers(len(held))]


def change_value(message, field, held, rng):
    """Set, add or remove one number or string."""
    try:
        if not hasattr(held, "append"):
            setattr(message, field.name, value_of(field, rng))
        elif len(held) and rng.random() < 0.7:
            held[rng.integers(len(held))] = value_of(field, rng)
        elif len(held) and rng.random() < 0.5:
            del held[rng.integers(len(held))]
        else:
            held.append(value_of(field, rng))
    except (TypeError, ValueError):
        pass  # 32 bits do not hold it; the next mutation may find something else


def value_of(field, rng):
    """A value that the type of a field allows, but perhaps nothing else does."""
    if field.cpp_type in (field.CPPTYPE_FLOAT, field.CPPTYPE_DOUBLE):
        return NUMBERS[rng.integers(len(NUMBERS))]
    if field.cpp_type == field.CPPTYPE_STRING:
        word = WORDS[rng.integers(len(WORDS))]
        return word if field.type == field.TYPE_STRING else word.encode()
    return LENGTHS[rng.integers(len(LENGTHS))]
