package topology

import (
	"testing"

	"github.com/thoonk-go/thoonk/internal/redistest"
)

func TestMain(m *testing.M) { redistest.Main(m) }
