"""Plans of a lecture: what a class does of a lesson in a given time, and what is for home."""

from helpers.checking.questions import MultipleChoice

AROUND = 10  # minutes for what came before, and for the summary
SHORT = 50
IN_CLASS = 15  # a task that takes no longer can be begun in class
AT_HOME = {50: 1, 90: 2}  # how difficult the exercises for home are, at most
SKIPPED = ("Opening", "Summary", "Break it on purpose")


def write(lesson, length):
    """The plan for `length` minutes, as Markdown."""
    sections = [one for one in lesson.sections if one.title not in SKIPPED]
    minutes = shared([one.minutes for one in sections], length - AROUND)
    lines = [f"# {lesson.title}: {length} minutes", "", _head(lesson, length), ""]
    lines += ["| from | minutes | section | show | put to the vote |", "|---|---|---|---|---|"]
    at = AROUND // 2
    lines.append(f"| 0 | {at} | what is due again: `review(chapter={lesson.number})` | | |")
    for section, share in zip(sections, minutes, strict=True):
        shown = ", ".join(f"`{name}`" for name in dict(section.instruments))
        voted = ", ".join(f"`{one.id}`" for one in votes(section, length))
        lines.append(f"| {at} | {share} | {section.title.replace('|', '·')} | {shown} | {voted} |")
        at += share
    lines.append(f"| {at} | {length - at} | summary | | |")
    return "\n".join([*lines, "", *_exercises(lesson, length)]) + "\n"


def shared(weights, total):
    """Whole minutes that add up to `total`, as near to the weights as can be, none below 1."""
    exact = [max(1.0, weight * total / sum(weights)) for weight in weights]
    exact = [share * total / sum(exact) for share in exact]
    whole = [max(1, int(share)) for share in exact]
    while (missing := total - sum(whole)) != 0:
        step = 1 if missing > 0 else -1
        can = [i for i in range(len(whole)) if whole[i] + step >= 1]
        whole[max(can, key=lambda i: step * (exact[i] - whole[i]))] += step
    return whole


def votes(section, length):
    """The predictions for the whole class: those with options; in a long lecture all of them."""
    asked = section.asked("predict")
    return [one for one in asked if length > SHORT or isinstance(one, MultipleChoice)]


def _head(lesson, length):
    alone = round(sum(section.minutes for section in lesson.sections))
    return (
        f"Alone a learner takes about {alone} minutes for the core path. The {length} minutes are shared out "
        f"in the same proportions, after {AROUND} for the beginning and the end. Vote before you show. The "
        "question bank has the options, and what to say to each."
    )


def _exercises(lesson, length):
    core = {section.title for section in lesson.sections}
    known = [one for one in lesson.exercises if one.section in core] or lesson.exercises
    if not known:
        return ["**For home.** Nothing: this chapter has no graded exercises."]
    easiest = sorted(known, key=lambda one: (one.difficulty, one.minutes))
    begun = [one for one in easiest[:1] if length > SHORT and one.minutes <= IN_CLASS]
    home = [one for one in known if one not in begun and one.difficulty <= AT_HOME[length]] or easiest[:2]
    more = [one for one in lesson.exercises if one not in begun and one not in home]
    lines = [f"**Begin in class:** {_told(one)}.\n" for one in begun]
    lines.append("**For home:**\n")
    lines += [f"- {_told(one)}" for one in home]
    if more:
        lines += ["", f"**For those who want more:** {'; '.join(map(_told, more))}."]
    return lines


def _told(one):
    return f"{one.title} (`{one.name}`, {one.points} points, about {one.minutes} minutes)"
