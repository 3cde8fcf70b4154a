package ledger

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A ledger tells what its process has said until it was killed, in the middle of a line or not.
func TestLedger(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger")
	book, err := Open(path)
	require.NoError(t, err)
	first := book.Begin(Record{Do: "put", Name: "q", Bodies: []string{"a", "b"}})
	book.Note(Record{Do: "note"})
	second := book.Begin(Record{Do: "get", Name: "q", Number: 3})
	book.End(first, Record{Outcome: OK, IDs: []string{"1", "2"}})
	require.NotEqual(t, first, second)
	require.NoError(t, book.Close())
	count := Count(path)
	t.Cleanup(count.Close)
	require.EqualValues(t, 4, count.Records())

	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString(`{"t":1,"c":2,"o":"o`) // what a kill leaves
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.EqualValues(t, 4, count.Records())

	h := &History{}
	require.NoError(t, h.Read("p", path))
	require.NoError(t, h.Read("never", path+".none"))
	require.Len(t, h.Calls, 2)
	require.Len(t, h.Notes, 1)
	put, get := h.Calls[0], h.Calls[1]
	require.True(t, put.Ended())
	require.Equal(t, []string{"a", "b"}, put.Bodies)
	require.Equal(t, []string{"1", "2"}, put.IDs)
	require.Equal(t, OK, put.Outcome)
	require.GreaterOrEqual(t, put.End, put.At)
	require.False(t, get.Ended())
	require.EqualValues(t, 3, get.Number)
}
