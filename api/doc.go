// Package api is the REST API of Tailrace under /api/v1, with its OpenAPI 3.1 document at /openapi.json.
//
// It owns who may do what (bearer tokens, roles, the audit log, masking of personal data), the shape of requests
// and answers, paging by cursor and problem documents (RFC 9457). An endpoint is a typed function registered with
// the role that it needs; an endpoint without a role does not start.
//
// It must never know SQL text of the ledger or the materializer, nor any one vendor: it asks the packages that own
// them. Every answer that holds personal data is masked for viewers, and reading it in clear is in audit_log.
package api
