"""Tables for people, in Markdown."""


def goal(what, value, wanted, most=False):
    met = None if wanted is None else (value <= wanted if most else value >= wanted)
    return {"what": what, "value": value, "wanted": wanted, "most": most, "met": met}


class Section:
    def __init__(self, title, about=""):
        self.title, self.all_goals, self.parts = title, [], [about] if about else []

    def say(self, text):
        self.parts.append(text)

    def table(self, heads, rows):
        lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
        self.parts.append("\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows]))

    def goals(self, *goals):
        self.all_goals += goals
        rows = [[one["what"], figure(one["value"]), bound(one), word(one)] for one in goals]
        self.table(["", "measured", "goal", ""], rows)

    def markdown(self):
        return "\n\n".join([f"## {self.title}", *self.parts]) + "\n"


def figure(value):
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 20 else f"{value:.2f}"


def bound(one):
    return "" if one["wanted"] is None else f"{'≤' if one['most'] else '≥'} {one['wanted']:g}"


def word(one):
    return {True: "met", False: "**missed**", None: ""}[one["met"]]
