"""Question banks as QTI 2.1 packages: a zip file with a manifest, a test, and a file for each item.

A family is a section of the test from which one item is selected.
"""

import io
import math
import xml.etree.ElementTree as ET
import zipfile

from tools.kit.bank import Choice, Item, Range, document, element
from tools.kit.release import archive

QTI = "http://www.imsglobal.org/xsd/imsqti_v2p1"
PACKAGE = "http://www.imsglobal.org/xsd/imscp_v1p1"
SCHEMA = "http://www.w3.org/2001/XMLSchema-instance"
AT = {"qti": QTI, "cp": PACKAGE}


def write(lesson, items):
    """The package of a chapter, as bytes."""
    files = {f"items/{one.name}.xml": _document(_item(one), QTI) for one in items}
    files["test.xml"] = _document(_test(lesson, items), QTI)
    files["imsmanifest.xml"] = _document(_manifest(lesson, items), PACKAGE)
    return archive(files)


def _document(root, namespace):
    root.set("xmlns", namespace)
    root.set("xmlns:xsi", SCHEMA)
    root.set("xsi:schemaLocation", f"{namespace} {namespace}.xsd")
    return document(root)


# --- Items ---------------------------------------------------------------------------------------


def _item(item):
    choice = isinstance(item.answers[0], Choice)
    kind = "identifier" if choice else "float"
    root = element(
        "assessmentItem", identifier=item.name, title=item.name, adaptive="false", timeDependent="false"
    )
    response = _add(root, "responseDeclaration", identifier="RESPONSE", cardinality="single", baseType=kind)
    right = next(i for i, answer in enumerate(item.answers) if answer.right)
    _add(_add(response, "correctResponse"), "value", _name(right) if choice else repr(item.number))
    score = _add(root, "outcomeDeclaration", identifier="SCORE", cardinality="single", baseType="float")
    _add(_add(score, "defaultValue"), "value", "0")
    _add(root, "outcomeDeclaration", identifier="FEEDBACK", cardinality="single", baseType="identifier")
    body = _add(root, "itemBody")
    body.append(_paragraph(item.text))
    if choice:
        asks = _add(body, "choiceInteraction", responseIdentifier="RESPONSE", shuffle="true", maxChoices="1")
        for i, answer in enumerate(item.answers):
            _add(asks, "simpleChoice", answer.text, identifier=_name(i))
    else:
        _add(_add(body, "p"), "textEntryInteraction", responseIdentifier="RESPONSE", expectedLength="12")
    condition = _add(_add(root, "responseProcessing"), "responseCondition")
    for i, answer in enumerate(item.answers):
        branch = _add(condition, "responseElseIf" if i else "responseIf")
        branch.append(_is(_name(i)) if choice else _within(answer.low, answer.high))
        _set(branch, "SCORE", "float", "1" if answer.right else "0")
        _set(branch, "FEEDBACK", "identifier", _name(i))
    for i, answer in enumerate(item.answers):
        shown = {"outcomeIdentifier": "FEEDBACK", "identifier": _name(i), "showHide": "show"}
        _add(root, "modalFeedback", **shown).append(_paragraph(answer.feedback))
    return root


def _name(i):
    return f"answer-{i + 1}"


def _paragraph(html):
    return ET.fromstring(f"<p>{html}</p>")


def _is(name):
    found = element("match")
    _add(found, "variable", identifier="RESPONSE")
    _add(found, "baseValue", name, baseType="identifier")
    return found


def _within(low, high):
    tests = [_compared("gte", low)] * math.isfinite(low) + [_compared("lte", high)] * math.isfinite(high)
    if len(tests) == 1:
        return tests[0]
    both = element("and")
    both.extend(tests)
    return both


def _compared(relation, bound):
    found = element(relation)
    _add(found, "variable", identifier="RESPONSE")
    _add(found, "baseValue", repr(bound), baseType="float")
    return found


def _set(branch, outcome, kind, value):
    _add(_add(branch, "setOutcomeValue", identifier=outcome), "baseValue", value, baseType=kind)


# --- The test and the manifest -------------------------------------------------------------------


def _test(lesson, items):
    root = element("assessmentTest", identifier=f"test-{lesson.name}", title=lesson.title)
    part = _add(root, "testPart", identifier="part", navigationMode="nonlinear", submissionMode="individual")
    sections = {}
    for item in items:
        if item.section not in sections:
            names = {"identifier": f"section-{len(sections) + 1}", "title": item.section or "Questions"}
            sections[item.section] = _add(part, "assessmentSection", **names, visible="true"), {}
        section, families = sections[item.section]
        if item.family not in families:
            names = {"identifier": f"family-{item.family}", "title": item.family}
            families[item.family] = _add(section, "assessmentSection", **names, visible="false")
            _add(families[item.family], "selection", select="1")
        href = f"items/{item.name}.xml"
        _add(families[item.family], "assessmentItemRef", identifier=f"ref-{item.name}", href=href)
    return root


def _manifest(lesson, items):
    root = element("manifest", identifier=f"manifest-{lesson.name}")
    about = _add(root, "metadata")
    _add(about, "schema", "QTIv2.1 Package")
    _add(about, "schemaversion", "1.0.0")
    _add(root, "organizations")
    resources = _add(root, "resources")
    test = _resource(resources, "test", "imsqti_test_xmlv2p1", "test.xml")
    for item in items:
        _resource(resources, f"item-{item.name}", "imsqti_item_xmlv2p1", f"items/{item.name}.xml")
        _add(test, "dependency", identifierref=f"item-{item.name}")
    return root


def _resource(resources, identifier, kind, href):
    made = _add(resources, "resource", identifier=identifier, type=kind, href=href)
    _add(made, "file", href=href)
    return made


def _add(parent, tag, text="", **attributes):
    made = element(tag, text, **attributes)
    parent.append(made)
    return made


# --- Reading back --------------------------------------------------------------------------------


def read(data):
    """The Items of a package that `write` wrote, in the order of its test."""
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        manifest = ET.fromstring(package.read("imsmanifest.xml"))
        kinds = {one.get("type"): one.get("href") for one in manifest.iterfind(".//cp:resource", AT)}
        test = ET.fromstring(package.read(kinds["imsqti_test_xmlv2p1"]))
        return [
            _read(ET.fromstring(package.read(one.get("href"))), family.get("title"), section.get("title"))
            for section in test.iterfind("qti:testPart/qti:assessmentSection", AT)
            for family in section.iterfind("qti:assessmentSection", AT)
            for one in family.iterfind("qti:assessmentItemRef", AT)
        ]


def _read(root, family, section):
    body = root.find("qti:itemBody", AT)
    options = [one.text for one in body.iterfind(".//qti:simpleChoice", AT)]
    feedback = [_inside(one.find("qti:p", AT)) for one in root.iterfind("qti:modalFeedback", AT)]
    answers = []
    for i, branch in enumerate(root.find("qti:responseProcessing/qti:responseCondition", AT)):
        score = branch.find("qti:setOutcomeValue[@identifier='SCORE']/qti:baseValue", AT).text
        made = (options[i],) if options else _bounds(branch)
        answers.append((Choice if options else Range)(*made, score == "1", feedback[i]))
    right = root.findtext("qti:responseDeclaration/qti:correctResponse/qti:value", namespaces=AT)
    text = _inside(body.find("qti:p", AT))
    number = None if options else float(right)
    return Item(root.get("identifier"), family, section, text, tuple(answers), number)


def _bounds(branch):
    found = {
        side: branch.find(f".//qti:{relation}/qti:baseValue", AT)
        for side, relation in (("low", "gte"), ("high", "lte"))
    }
    low, high = (float(one.text) if one is not None else math.nan for one in found.values())
    return (-math.inf if math.isnan(low) else low), (math.inf if math.isnan(high) else high)


def _inside(paragraph):
    """The HTML of a paragraph."""
    for one in paragraph.iter():
        one.tag = one.tag.removeprefix(f"{{{QTI}}}")
    return ET.tostring(paragraph, encoding="unicode").strip()[len("<p>") : -len("</p>")]
