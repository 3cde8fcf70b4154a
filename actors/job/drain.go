package job

import "context"

// Drain stops claims and waits for the handlers that run. When ctx ends first their
// contexts end too, with ErrShutdown: what they return then is not held against
// their jobs, which go back to the front of the line. A handler that does not return
// within grace keeps its claim until the lease passes, for it may still be at work.
func (k *Kind) Drain(ctx, grace context.Context) error {
	k.draining.Store(true)
	k.mu.Lock()
	var sets []string
	for name := range k.handling {
		sets = append(sets, name)
	}
	k.mu.Unlock()
	for _, name := range sets {
		// Once the owner knows, it starts no more handlers: what runs is all there is.
		told := drained{make(chan struct{})}
		if box, err := k.set.Handle(name).Send(grace, told); err == nil {
			select {
			case <-told.done:
			case <-box.Done():
			case <-grace.Done():
			}
		}
	}
	if k.pool.Wait(ctx) == nil {
		return nil
	}
	k.pool.CancelAll(ErrShutdown)
	return k.pool.Wait(grace)
}

// Close ends the actors, after Drain: callers get ErrStopped, claims that nobody
// took go back.
func (k *Kind) Close() {
	k.looking.Close()
	k.set.Close()
}
