"""Words that a screen reader speaks when they change.

It listens to elements that stay on the page. What an HTML widget shows is made anew with every value: a
`role="status"` in there would be as new as its words, and often not be heard. Therefore the element that is
listened to stands in a widget that keeps its value, and owns the words, wherever they are.
"""


def listen(*ids):
    """An empty element that makes the elements of these ids heard; they must always be there."""
    return f'<div role="status" aria-atomic="false" aria-owns="{" ".join(ids)}"></div>'
