package warehouse

import (
	"context"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// span records one statement, where tracing is configured and a trace is under
// way: its first word and for an insert the table, never its text or values.
func (db *DB) span(ctx context.Context, operation, table string) (context.Context, func(error)) {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return ctx, func(error) {}
	}
	attributes := []attribute.KeyValue{attribute.String("db.system.name", "clickhouse"), attribute.String("db.namespace", db.database),
		attribute.String("db.operation.name", operation)}
	if table != "" {
		attributes = append(attributes, attribute.String("db.collection.name", table))
	}
	ctx, span := otel.Tracer("tailrace/warehouse").Start(ctx, operation, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attributes...))
	return ctx, func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}
