package collector

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// A frame of the log is
//
//	magic (4 bytes) · length u32 · crc32c u32 over length and payload · payload
//
// The magic lets a reader find the next good frame behind a damaged one. The
// sum starts from a salt that each segment draws at random, so that nobody can
// send bytes that read as a frame.
const (
	frameHeader  = 12
	maxFrameSize = 16 << 20
)

var (
	frameMagic = []byte{0xF7, 'T', 'r', 0x1F}
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

func appendFrame(dst, payload []byte, salt uint32) []byte {
	var header [frameHeader]byte
	copy(header[:], frameMagic)
	binary.LittleEndian.PutUint32(header[4:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(header[8:], frameSum(salt, header[4:8], payload))
	dst = append(dst, header[:]...)
	return append(dst, payload...)
}

func frameSum(salt uint32, length, payload []byte) uint32 {
	return crc32.Update(crc32.Update(salt, castagnoli, length), castagnoli, payload)
}

// frameAt reads the frame at the start of b; ok is false if it isn't whole and
// sound.
func frameAt(b []byte, salt uint32) (payload []byte, size int, ok bool) {
	if len(b) < frameHeader || !bytes.Equal(b[:4], frameMagic) {
		return nil, 0, false
	}
	n := binary.LittleEndian.Uint32(b[4:])
	if n > maxFrameSize || int(n) > len(b)-frameHeader {
		return nil, 0, false
	}
	payload = b[frameHeader : frameHeader+int(n)]
	if binary.LittleEndian.Uint32(b[8:]) != frameSum(salt, b[4:8], payload) {
		return nil, 0, false
	}
	return payload, frameHeader + int(n), true
}

// nextFrame returns the offset of the first sound frame in b, or -1.
func nextFrame(b []byte, salt uint32) int {
	for offset := 0; ; offset++ {
		i := bytes.Index(b[offset:], frameMagic)
		if i < 0 {
			return -1
		}
		offset += i
		if _, _, ok := frameAt(b[offset:], salt); ok {
			return offset
		}
	}
}
