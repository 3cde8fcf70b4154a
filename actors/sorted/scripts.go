package sorted

import (
	"embed"

	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/wire"
)

//go:embed lua/*.lua
var files embed.FS

// The scripts; their files say what they do.
var (
	insert = wire.MustScript(files, wire.Script{Name: "sorted/insert", Group: 3,
		Keys:     []contract.Key{contract.IDs, contract.Items, contract.Publishes, contract.IDIncr, contract.Config},
		Channels: []contract.Key{contract.Publish, contract.Position}})
	edit = wire.MustScript(files, wire.Script{Name: "sorted/edit", Group: 3, Behind: "answers",
		Keys:     []contract.Key{contract.Items, contract.Publishes, contract.Config},
		Own:      []contract.Key{contract.Answers},
		Channels: []contract.Key{contract.Publish}})
	move = wire.MustScript(files, wire.Script{Name: "sorted/move", Group: 4, Behind: "answers",
		Keys:     []contract.Key{contract.IDs, contract.Items, contract.Config},
		Own:      []contract.Key{contract.Answers},
		Channels: []contract.Key{contract.Position}})
	retract = wire.MustScript(files, wire.Script{Name: "sorted/retract", Group: 1,
		Keys:     []contract.Key{contract.IDs, contract.Items, contract.Config},
		Channels: []contract.Key{contract.Retract}})
	get = wire.MustScript(files, wire.Script{Name: "sorted/get", Group: 1,
		Keys: []contract.Key{contract.Items, contract.Config}})
	index = wire.MustScript(files, wire.Script{Name: "sorted/index", Group: 1,
		Keys: []contract.Key{contract.IDs, contract.Items, contract.Config}})
	length = wire.MustScript(files, wire.Script{Name: "sorted/length", Group: 1,
		Keys: []contract.Key{contract.IDs, contract.Config}})
	page = wire.MustScript(files, wire.Script{Name: "sorted/page",
		Keys: []contract.Key{contract.IDs, contract.Items, contract.IDIncr, contract.Config}})
)

// Scripts lists the package's scripts: for tests and the load tester.
func Scripts() []*wire.Script {
	return []*wire.Script{insert, edit, move, retract, get, index, length, page}
}
