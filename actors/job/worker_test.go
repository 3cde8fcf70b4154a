package job_test

import "os"

// full is for tests whose size is not for every day.
var full = os.Getenv("THOONK_FULL") != ""

const workerEnv = "THOONK_JOB_WORKER"

func workerProcess(string) int { return 2 }
