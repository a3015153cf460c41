"""The OpenAPI document: what the framework knows, completed with bodies, words, examples and problems.

- `answers`: examples of bodies, and of answers with their problems, which the tests have recorded
- `components`: the schemas that no Struct describes
- `descriptions`: describes schemas, properties and parameters by docstrings and by the words of the next two
- `document`: builds the document of a server, and keeps it
- `hazard_words`: the words for properties of hazards, steps and photos
- `office_words`: the words for properties of accounts, devices, notices, numbers and lists
- `patterns`: writes schemas as JSON Schema and generators of clients read them
- `statuses`: the statuses of problems that follow from what an operation takes
- `subjects`: the tags of operations
"""
