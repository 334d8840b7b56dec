package warehouse

import (
	"bytes"
	"io"
)

// exceptionMark is how a server says in the middle of a 200 response that the
// statement failed: a block between two of these ends the body.
var exceptionMark = []byte("__exception__\r\n")

// exceptionTail is the longest such block: 16 KiB, by the server's source.
const exceptionTail = 16<<10 + 256

// copyResult copies a body and turns an exception block at its end into the
// error it is. So that the block never reaches w, the last part of the body is
// held back until it is known to be rows.
func copyResult(w io.Writer, body io.Reader) error {
	var held []byte
	chunk := make([]byte, 256<<10)
	for {
		n, err := body.Read(chunk)
		held = append(held, chunk[:n]...)
		if err == io.EOF {
			if at := exceptionBlock(held); at >= 0 {
				if _, writeErr := w.Write(held[:at]); writeErr != nil {
					return writeErr
				}
				return engineError(string(held[at:]))
			}
			_, writeErr := w.Write(held)
			return writeErr
		}
		if err != nil {
			if at := exceptionBlock(held); at >= 0 {
				return engineError(string(held[at:]))
			}
			return err
		}
		if len(held) > exceptionTail {
			rows := len(held) - exceptionTail
			if _, err := w.Write(held[:rows]); err != nil {
				return err
			}
			held = append(held[:0], held[rows:]...)
		}
	}
}

// exceptionBlock finds the start of an exception block that ends the body.
func exceptionBlock(tail []byte) int {
	at := bytes.Index(tail, exceptionMark)
	if at < 0 || !bytes.Contains(tail[at:], []byte("Code: ")) {
		return -1
	}
	return max(0, at-2)
}
