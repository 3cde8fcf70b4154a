// Package thoonk is the root of the Thoonk engine for Go: persistent push feeds,
// sorted feeds, queues and jobs on Redis, shared with programs in other languages
// that follow the same wire contract. It holds documentation only; these are the
// packages to import:
//
//   - engine: the Engine, one per process. It opens everything else.
//   - actors/feed, actors/sorted, actors/queue, actors/job: what the engine hands
//     out, with their configurations, items, events and errors.
//   - pool: the options of job handlers.
//   - embedded: a Redis inside the process, for trying out and for your tests.
//   - pubsubhub: one pub/sub connection for many subscribers, useful by itself.
//
// README.md has the guarantees and limits, ARCHITECTURE.md how it works inside,
// docs/CONTRACT.md the keys and messages for peers in other languages. The
// programs below examples/ are complete.
package thoonk
