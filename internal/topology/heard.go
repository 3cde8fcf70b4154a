package topology

import (
	"errors"

	"github.com/mediocregopher/radix/v4/resp"
	"github.com/mediocregopher/radix/v4/resp/resp3"
	"go.uber.org/zap"
)

// inbound are the links over which a node of a cluster hears from the others: when each was made, by the other's id. Redis
// sends messages over them without being told that they arrived, so what one node published while its link to another was
// broken is missing there. Nil: the node does not tell. That takes Redis 7, and the right to ask.
type inbound map[string]string

// UnmarshalRESP implements resp.Unmarshaler for CLUSTER LINKS.
func (l *inbound) UnmarshalRESP(br resp.BufferedReader, o *resp.Opts) error {
	var list []map[string]string
	err := resp3.Unmarshal(br, &list, o)
	if errors.As(err, new(resp3.SimpleError)) {
		return nil
	}
	if err != nil {
		return err
	}
	*l = make(inbound, len(list))
	for _, link := range list {
		if link["direction"] == "from" {
			(*l)[link["node"]] = link["create-time"]
		}
	}
	return nil
}

// hub is where a connection is that messages are told on; empty: there is none.
func (n *Network) hub() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	for h := range n.held {
		if h.key == "" {
			return h.addr
		}
	}
	return ""
}

// deafened closes the connections that messages are told on, if a primary's link to their node was broken or replaced
// since they were made: whoever follows has to be told that something may be missing.
func (n *Network) deafened(t *told) {
	if t.links == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for h := range n.held {
		if h.key != "" || h.addr != t.addr || h.links == nil {
			continue
		}
		for _, p := range t.topo.Primaries() {
			if h.links[p.ID] != t.links[p.ID] {
				n.cfg.Logger.Warn("messages may be missing: a link between two nodes was broken", zap.String("from", p.Addr), zap.String("to", h.addr))
				n.drop(h)
				break
			}
		}
	}
}
