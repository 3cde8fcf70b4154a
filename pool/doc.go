// Package pool runs tasks on goroutines that it keeps, a bounded number at once.
// Each group of tasks has its own limit, and all groups together may have one. It
// is made for those who fetch work from elsewhere: they take slots first and fetch
// as much as they have slots for, so that nothing is fetched that nobody can run.
//
//	p := pool.New(64)
//	defer p.Close()
//	g := p.Group(pool.Options{Workers: 16})
//	g.OnFree(wake) // asks again; must not block
//
//	slots := g.TryAcquire(16)
//	jobs := fetch(slots)
//	for _, j := range jobs {
//		g.Go(pool.Task{Name: j.ID, Timeout: time.Minute, Do: j.Run, Done: j.Finish})
//	}
//	if len(jobs) < slots { // there is no more work
//		g.TryAcquire(0)
//		g.Release(slots - len(jobs))
//	}
//
// # Slots
//
// Each slot that TryAcquire gave is used by one Go or given back by Release. A task
// keeps its slot until Do and Done have returned, whatever became of its context: by
// an error, a panic in either of them, or runtime.Goexit in either of them. The
// order is Do, Done, the slot is free, OnFree. To release more slots than are there,
// or to start a task without one, is a bug in the caller, and panics.
//
// After a TryAcquire that got less than it asked for, OnFree is called once, when
// there may be more; after one that got all it asked for it is not. No wake-up
// is lost. It is not called again before the group has asked again, and has again
// come up short. It does not matter whose slot was free, so there is a trap: a group
// that came up short, and gives slots back because there is no work for them, is
// told of its own slots. To ask again then, and to find no work again, is a busy
// loop. Withdraw with TryAcquire(0) first, as above.
//
// # Fairness
//
// With a limit of the pool, groups that wait for one of its slots stand in line.
// A free slot is kept for the first, which is told and asks again; it gets that
// slot, and no more before all others in line had theirs. So groups that always have
// work get equal shares, however often they ask. A group that was told and does not
// ask keeps its slot from the others for 100 ms; with TryAcquire(0), not at all.
//
// # The end of a task
//
// Its context ends after Timeout, by Cancel, or by CancelAll; the first of them is
// the one that context.Cause tells, also in Done. After a timeout Err is
// context.DeadlineExceeded, also of derived contexts. Once Do has returned, nothing
// ends the context until Done has returned too; then it ends with context.Canceled.
// A task whose context ended before it could begin is run nevertheless.
//
// Nothing can end a task that ignores its context. If it is still there StuckAfter
// later, OnStuck gets the stack of its goroutine, once. The stack is found by the
// goroutine's number, which a goroutine of the pool reads from its own stack when it
// starts. This takes the stacks of all goroutines, during which the program stands
// still: 7 to 17 µs for each goroutine, so 0.2 s with ten thousand. Tasks that get
// stuck at the same time share it, and it is not done more than a tenth of the time.
// Nothing is done for tasks that end in time, nor without OnStuck.
//
// # Shutdown
//
// The pool does not stop those who start tasks: stop them first. Then Wait as long
// as tasks may take to finish, CancelAll, Wait again, Close. Goroutines that are
// idle end after 5 to 10 s, so a pool that is forgotten leaves nothing behind,
// unless a task does not return.
//
// # Blocking
//
// Only Wait blocks. Do and Done may take any time. OnFree runs wherever a slot got
// free, on the caller's goroutine or on one of the pool: it must return at once, and
// must not panic. OnStuck has a goroutine of its own; a slow one holds up other reports.
//
// # Cost
//
// On a busy machine with two cores a task takes about 0.9 µs from TryAcquire to its
// Done on the other goroutine, with 3 allocations (224 bytes); 1.4 µs and 6
// allocations (448 bytes) if it has a timeout, for which it sets its goroutine's one
// timer. TryAcquire and Release together take 25 ns. There is one mutex for the
// pool with all of its groups, held for some ten nanoseconds: enough for a million
// tasks a second, and not for ten. A task that finds no idle goroutine takes about
// 3 µs more. An idle pool costs nothing.
package pool
