package pubsubhub

// Message is what somebody published. All subscriptions share Payload: it is read-only.
type Message struct {
	Channel string
	Pattern string // the pattern that matched, "" if the channel was followed by its exact name
	Payload []byte
}

// Kind says what an event tells.
type Kind uint8

const (
	// KindMessage is a message.
	KindMessage Kind = iota
	// KindLagged stands where Missed messages were dropped because the mailbox was full.
	KindLagged
	// KindReconnected stands where the connection was replaced: an unknown number of messages is missing, besides Missed
	// dropped ones. All names are followed again, so what is read from Redis from now on has no gap to what follows.
	KindReconnected
)

func (k Kind) String() string {
	switch k {
	case KindMessage:
		return "message"
	case KindLagged:
		return "lagged"
	case KindReconnected:
		return "reconnected"
	}
	return "unknown"
}

// Event is one step in the stream of a subscription: a message, or the place where messages are missing.
type Event struct {
	Message        // set in KindMessage
	Kind    Kind   // what happened
	Missed  uint64 // messages, counted; 0 in KindMessage
}

// Lost reports whether messages are missing at this place.
func (e Event) Lost() bool { return e.Kind != KindMessage }
