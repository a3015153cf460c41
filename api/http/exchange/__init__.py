"""The parts of an answer that are the same for every route: methods, codings, request ids, validators (RFC 9110).

- `application`: the application with all of these around its routes
- `compression`: compresses texts for clients that accept it
- `execution`: runs the handler of a request, most of them without the framework's way of parsing
- `methods`: HEAD on every GET, and the methods that a path allows
- `request_ids`: the id by which a request is found in the log
- `validators`: compares the ETag of an answer with those that the client knows
"""
