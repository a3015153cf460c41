"""The parts that all routes use: request bodies, problems, headers, tokens.

The folder `documents` makes the OpenAPI document, `exchange` what every route answers in the same way.

- `bodies`: reads request bodies: JSON into Structs, within limits of size and time
- `client_address`: the address of a client, or the network of an IPv6 client
- `context`: the parts of a running server, which handlers find through the request
- `file_reader`: uploaded files, parsed by a process of their own; one at a time per person
- `headers`: headers of a request, the security headers of every response, and CORS
- `outbound`: requests to configured addresses: checked, pinned, bounded
- `pages`: HTML pages for people without an account: HTML, style and script in one response
- `problems`: the table from domain error to HTTP status, and problem responses (RFC 9457)
- `queries`: query parameters from the fields of a Struct, and the pages of short lists
- `request_limits`: refuses unknown methods, oversized heads and foreign hosts before the application sees them
- `request_metrics`: counts requests and their duration for Prometheus
- `responses`: JSON responses; file responses with validators and ranges; links to this server
- `tables`: tables as JSON, CSV, XLSX, or a dataset for ECharts
- `tokens`: random tokens and their digests
"""
