package job_test

const workerEnv = "THOONK_JOB_WORKER"

func workerProcess(string) int { return 2 }
