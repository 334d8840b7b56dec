package warehouse

import (
	"bytes"
	"fmt"
	"io"
	"net/http"

	chproto "github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"
)

// handshakeQuery is the driver's first statement on each connection.
const handshakeQuery = "SELECT displayName(), version(), revision(), timezone()"

// handshake answers the driver's first statement. It is encoded at the revision
// that the request names, and says revision 0: from then on the driver reads
// Native blocks exactly as libchdb writes them.
func (t *embeddedTransport) handshake(req *http.Request, c *call) (*http.Response, error) {
	block := proto.NewBlock()
	for _, col := range []struct {
		name string
		typ  column.Type
	}{{"displayName()", "String"}, {"version()", "String"}, {"revision()", "UInt32"}, {"timezone()", "String"}} {
		if err := block.AddColumn(col.name, col.typ); err != nil {
			return nil, fmt.Errorf("answering the driver's handshake: %w", err)
		}
	}
	if err := block.Append("embedded", t.engine.lib.version(), uint32(0), "UTC"); err != nil {
		return nil, fmt.Errorf("answering the driver's handshake: %w", err)
	}
	var buffer chproto.Buffer
	if err := block.Encode(&buffer, c.revision); err != nil {
		return nil, fmt.Errorf("answering the driver's handshake: %w", err)
	}
	return &http.Response{
		StatusCode: http.StatusOK, Status: "200 OK",
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{},
		Body:          io.NopCloser(bytes.NewReader(buffer.Buf)),
		ContentLength: int64(len(buffer.Buf)),
		Request:       req,
	}, nil
}
