// Package topology makes an engine's connections to one server, to a primary that sentinels watch, or to a cluster, and
// keeps them at the right node.
//
// A Network has a view: which node is the primary of which slots. It asks for a new one every second, and at once when
// something goes wrong or Redis says MOVED; a single server has one view for ever. Everything else follows the view:
//
//   - a lane is one connection to each primary that it needs, made when it is first needed. A name's commands take the
//     same lane always, and the lane's connection to the node that has the name's slot;
//   - connections of their own (the hub's, those of blocked pops) are closed when the node is not the right one any
//     more. Who owns them connects again, as after any other loss, and is taken to the right node. The hub's is closed
//     also when messages may be missing or out of order: when a slot has another primary, or a link between nodes, over
//     which messages come, was broken.
//
// Nothing is sent again here: a command that Redis sent elsewhere goes back to its outbox, which knows the order.
//
// radix's Cluster and Sentinel are not used, though their parser of CLUSTER SLOTS is. They send what was redirected again
// by themselves, so that two batches under way could change places; they mark only the first command of a batch with
// ASKING; they need a connection to every replica, and learn nothing new while one of them cannot be reached; they believe
// whoever they ask, which may be a node or a sentinel that was cut off; and a question to one that hangs holds up every caller.
package topology
