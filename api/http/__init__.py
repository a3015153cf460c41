"""What all routes stand on: bodies, problems, headers, documents, tokens.

- `bodies`: JSON into Structs, forms into fields and files
- `client_address`: who asks, by their address: a client, or the network of an IPv6 client
- `context`: what a running server is made of
- `file_reader`: files in and out, one at a time a person; has one read
- `headers`: the headers of every answer; who may ask from another origin
- `openapi`: the OpenAPI document, with the bodies and problems that only we know
- `outbound`: requests to configured addresses: vetted, pinned, bounded
- `pages`: pages for who has no account: HTML, style and script in one answer
- `problems`: ONE table: domain error → status; RFC 9457
- `queries`: parameters of a query as the fields of a Struct
- `request_limits`: what is refused before the application sees it
- `request_metrics`: how many requests there were, how they ended, how long they took: counted for Prometheus
- `responses`: files out: validators, ranges
- `tables`: tables as JSON, CSV, XLSX, or a dataset for ECharts
- `tokens`: random tokens and their digests
"""
