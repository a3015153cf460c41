"""The pages for people with an account, which `web/` builds; this folder only serves their files.

- `built`: finds the built files on disk
- `documents`: the documentation of the API by Swagger UI
- `routes`: the pages at `/m`, `/board`, `/dashboard` and `/admin`, their files, and what is said while nothing is built
"""
