"""The words of problems: every error of a body, and the language in which a client reads them.

- `english`: the table from each Chinese message of the code to its English words
- `field_errors`: the errors of a request body, all of them, with the path of each field and a Chinese message
- `languages`: the language that a client asks for (RFC 9110, 12.5.4), and a message in it
- `type_words`: the words for a value that is not of the declared type, with an example that is accepted
"""
