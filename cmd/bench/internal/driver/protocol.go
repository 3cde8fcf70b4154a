package driver

// A Setup says where and with what a driver works.
type Setup struct {
	Near     Address  `json:"near"`  // to fill
	Far      Address  `json:"far"`   // for what is measured; another one if round trips are made longer
	Queue    string   `json:"queue"` // nobody else uses it
	Payloads []string `json:"payloads"`
	Callers  int      `json:"callers"` // that share one client
	Workers  int      `json:"workers"` // handlers at once
}

// An Address is a Redis server.
type Address struct {
	Network  string `json:"network"` // tcp or unix
	Addr     string `json:"addr"`
	User     string `json:"user"`
	Password string `json:"password"`
	DB       int    `json:"db"`
}

// A Hello says what a driver drives.
type Hello struct {
	Version string `json:"version"`
	Runtime string `json:"runtime"`
	Error   string `json:"error,omitempty"`
}

// What a driver can be asked to do. A job's payload is the one of the job's number, counted from 0 and modulo their
// count.
const (
	Put     = "put"     // PerCall jobs per call from Callers callers, for Seconds, or at Rate
	Fill    = "fill"    // Jobs jobs, as fast as it goes
	Run     = "run"     // let handlers that do nothing run what was filled in, for Seconds or until none is left
	End     = "end"     // end the handlers, when they have finished what they run; ops are the jobs that have run in all
	PickUp  = "pickup"  // put jobs for Seconds, with random pauses, for one idle handler
	Delayed = "delayed" // put jobs for Seconds that are due after random delays, and wait until all have run
)

// A Request asks for one of these.
type Request struct {
	Do      string  `json:"do"`
	Seconds float64 `json:"seconds,omitempty"`
	PerCall int     `json:"per_call,omitempty"`
	Rate    float64 `json:"rate,omitempty"` // calls per second, timed from when they were due; 0: the closed loop
	Jobs    int64   `json:"jobs,omitempty"`

	// Pauses between puts are exponential with a mean, a minimum and a maximum, and so many seconds long.
	Pause [3]float64 `json:"pause,omitzero"`

	// Delays are between these two, in seconds.
	Delay [2]float64 `json:"delay,omitzero"`
}

// A Reply is what was done. Percentiles are in microseconds, and null where there are no latencies.
type Reply struct {
	Ops     int64    `json:"ops"` // jobs
	Seconds float64  `json:"seconds"`
	CPU     float64  `json:"cpu_s"` // of the driver's process meanwhile, user and system
	Late    int64    `json:"late"`  // calls that were due and never begun
	P50     *float64 `json:"p50_us"`
	P99     *float64 `json:"p99_us"`
	P999    *float64 `json:"p999_us"`

	// Early is how many delayed jobs began before they were due, and Earliest by how many milliseconds at most.
	Early    int64   `json:"early"`
	Earliest float64 `json:"earliest_ms"`

	Error string `json:"error,omitempty"`
}
