package job

import "github.com/thoonk-go/thoonk/internal/wire"

// The scripts that faults are aimed at.
var (
	PutScript     = put
	ClaimScript   = claim
	FinishScript  = finish
	ReleaseScript = release
	ExtendScript  = extend
	RestoreScript = restore
	StrayScript   = stray
	LookScript    = maintain
)

// Named is a script as it appears in a request.
func Named(s *wire.Script) []byte { return []byte(s.SHA()) }

// Stop ends the job set's actor, as the sweep for idle ones does.
func (j *Jobs) Stop() { j.h.Box().Stop() }

// Handled tells the job set's actor of its handler, as Handle does.
func (j *Jobs) Handled() { j.kind.news(j, handled{}) }

// Token is what the claim is fenced with.
func (c *Claim) Token() string { return c.token }
