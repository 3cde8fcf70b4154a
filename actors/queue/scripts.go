package queue

import (
	"embed"

	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/wire"
)

//go:embed lua/*.lua
var files embed.FS

// The scripts; their files say what they do.
var (
	put = wire.MustScript(files, wire.Script{Name: "queue/put", Group: 4,
		Keys: []contract.Key{contract.IDs, contract.Items, contract.Publishes, contract.Config},
		Own:  []contract.Key{contract.Done}})
	take = wire.MustScript(files, wire.Script{Name: "queue/take",
		Keys: []contract.Key{contract.IDs, contract.Items, contract.Config},
		Own:  []contract.Key{contract.Taken, contract.TakenB}})
	giveBack = wire.MustScript(files, wire.Script{Name: "queue/return", Group: 4,
		Keys: []contract.Key{contract.IDs, contract.Items, contract.Config},
		Own:  []contract.Key{contract.Done}})
	length = wire.MustScript(files, wire.Script{Name: "queue/length", Group: 1,
		Keys: []contract.Key{contract.IDs, contract.Items, contract.Config}})
	page = wire.MustScript(files, wire.Script{Name: "queue/page",
		Keys: []contract.Key{contract.IDs, contract.Items, contract.Config}})
	purge = wire.MustScript(files, wire.Script{Name: "queue/purge", Group: 1,
		Keys: []contract.Key{contract.IDs, contract.Items, contract.Config},
		Own:  []contract.Key{contract.Done}})
	scan = wire.MustScript(files, wire.Script{Name: "queue/scan",
		Keys: []contract.Key{contract.Items, contract.Config}})
	lease = wire.MustScript(files, wire.Script{Name: "queue/lease", Group: 2,
		Keys: []contract.Key{contract.Maintenance}})
)

// Scripts lists the package's scripts: for tests and the load tester.
func Scripts() []*wire.Script {
	return []*wire.Script{put, take, giveBack, length, page, purge, scan, lease}
}
