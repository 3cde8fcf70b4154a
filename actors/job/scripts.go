package job

import (
	"embed"

	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/wire"
)

//go:embed lua/*.lua
var files embed.FS

type keys = []contract.Key

// The scripts; their files say what they do.
var (
	put = wire.MustScript(files, wire.Script{Name: "job/put", Group: 4,
		Keys:     keys{contract.IDs, contract.Items, contract.Published, contract.Delayed, contract.Publishes, contract.Config},
		Own:      keys{contract.Done},
		Channels: keys{contract.Publishes}})
	claim = wire.MustScript(files, wire.Script{Name: "job/claim",
		Keys: keys{contract.IDs, contract.Items, contract.Claimed, contract.Claimants, contract.Cancelled,
			contract.Published, contract.Stalled, contract.Delayed, contract.Config},
		Own:      keys{contract.Taken, contract.TakenB},
		Channels: keys{contract.Claimed}})
	finish = wire.MustScript(files, wire.Script{Name: "job/finish", Group: 3,
		Keys: keys{contract.Items, contract.Claimed, contract.Claimants, contract.Cancelled, contract.Published,
			contract.Finishes, contract.Errors, contract.Progress, contract.Waiters, contract.Config},
		Each:     contract.Result,
		Channels: keys{contract.JobFinish, contract.JobEnded}})
	release = wire.MustScript(files, wire.Script{Name: "job/release", Group: 6,
		Keys: keys{contract.IDs, contract.Claimed, contract.Claimants, contract.Cancelled, contract.Published,
			contract.Stalled, contract.Delayed, contract.Errors, contract.Waiters, contract.Config, contract.Progress},
		Channels: keys{contract.JobEnded}})
	retry = wire.MustScript(files, wire.Script{Name: "job/retry", Group: 1,
		Keys: keys{contract.IDs, contract.Items, contract.Stalled, contract.Published, contract.Config}})
	retryAll = wire.MustScript(files, wire.Script{Name: "job/retry_all",
		Keys: keys{contract.IDs, contract.Items, contract.Stalled, contract.Published, contract.Config}})
	retract = wire.MustScript(files, wire.Script{Name: "job/retract", Group: 1,
		Keys: keys{contract.IDs, contract.Items, contract.Claimed, contract.Claimants, contract.Cancelled, contract.Published,
			contract.Stalled, contract.Delayed, contract.Errors, contract.Progress, contract.Waiters, contract.Config},
		Channels: keys{contract.JobEnded}})
	extend = wire.MustScript(files, wire.Script{Name: "job/extend", Group: 2,
		Keys: keys{contract.Claimed, contract.Claimants, contract.Config}})
	progress = wire.MustScript(files, wire.Script{Name: "job/progress", Group: 3,
		Keys:     keys{contract.Claimed, contract.Claimants, contract.Progress, contract.Config},
		Channels: keys{contract.JobProgress}})
	promote = wire.MustScript(files, wire.Script{Name: "job/promote", Group: 1,
		Keys: keys{contract.IDs, contract.Items, contract.Delayed, contract.Config}})
	maintain = wire.MustScript(files, wire.Script{Name: "job/maintain",
		Keys: keys{contract.IDs, contract.Items, contract.Claimed, contract.Claimants, contract.Cancelled, contract.Published,
			contract.Stalled, contract.Delayed, contract.Errors, contract.Progress, contract.Waiters,
			contract.Maintenance, contract.Config},
		Channels: keys{contract.JobEnded}})
	stray = wire.MustScript(files, wire.Script{Name: "job/stray",
		Keys: keys{contract.Items, contract.Claimed, contract.Stalled, contract.Delayed, contract.Config}})
	restore = wire.MustScript(files, wire.Script{Name: "job/restore", Group: 1,
		Keys: keys{contract.IDs, contract.Items, contract.Claimed, contract.Stalled, contract.Delayed, contract.Config}})
	counts = wire.MustScript(files, wire.Script{Name: "job/counts",
		Keys: keys{contract.IDs, contract.Items, contract.Claimed, contract.Stalled, contract.Delayed,
			contract.Publishes, contract.Finishes, contract.Config}})
	page = wire.MustScript(files, wire.Script{Name: "job/page",
		Keys: keys{contract.IDs, contract.Items, contract.Claimed, contract.Stalled, contract.Delayed, contract.Config}})
	info = wire.MustScript(files, wire.Script{Name: "job/info",
		Keys: keys{contract.Items, contract.Claimed, contract.Stalled, contract.Delayed, contract.Cancelled, contract.Errors,
			contract.Progress, contract.Published, contract.Waiters, contract.Config},
		Each: contract.Result})
)

// Scripts lists the package's scripts: for tests and the load tester.
func Scripts() []*wire.Script {
	return []*wire.Script{put, claim, finish, release, retry, retryAll, retract, extend, progress,
		promote, maintain, stray, restore, counts, page, info}
}
