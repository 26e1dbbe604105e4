"""LeWiDi JSON, of the shared tasks on learning with disagreement: one object, an entry for each text.

It holds one answer of each annotator; ours is `hate`. In the edition of 2023 `annotations` is a list in a
string, in that of 2025 an object by annotator. `annotators group` is the cohort. Whatever else a label says
stands in `other_info`.
Source: INTERFACES.md section 2.5; Le-Wi-Di/le-wi-di.github.io, description of the 2025 format.
"""
