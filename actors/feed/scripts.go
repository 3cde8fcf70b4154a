package feed

import (
	"embed"

	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/wire"
)

//go:embed lua/*.lua
var files embed.FS

// The scripts; their files say what they do.
var (
	publish = wire.MustScript(files, wire.Script{Name: "feed/publish", Group: 2,
		Keys:     []contract.Key{contract.IDs, contract.Items, contract.Publishes, contract.Config},
		Ordered:  []contract.Key{contract.Done},
		Channels: []contract.Key{contract.Publish, contract.Edit, contract.Retract}})
	trim = wire.MustScript(files, wire.Script{Name: "feed/trim", Group: 1,
		Keys:     []contract.Key{contract.IDs, contract.Items, contract.Config},
		Channels: []contract.Key{contract.Retract}})
	retract = wire.MustScript(files, wire.Script{Name: "feed/retract", Group: 1,
		Keys:     []contract.Key{contract.IDs, contract.Items, contract.Config},
		Channels: []contract.Key{contract.Retract}})
	get = wire.MustScript(files, wire.Script{Name: "feed/get", Group: 1,
		Keys: []contract.Key{contract.Items, contract.Config}})
	has = wire.MustScript(files, wire.Script{Name: "feed/has", Group: 1,
		Keys: []contract.Key{contract.IDs, contract.Config}})
	length = wire.MustScript(files, wire.Script{Name: "feed/length", Group: 1,
		Keys: []contract.Key{contract.IDs, contract.Config}})
	page = wire.MustScript(files, wire.Script{Name: "feed/page",
		Keys: []contract.Key{contract.IDs, contract.Items, contract.Config}})
)

// Scripts lists the package's scripts: for tests and the load tester.
func Scripts() []*wire.Script {
	return []*wire.Script{publish, trim, retract, get, has, length, page}
}
