/** A service whose task sleeps; its deployment ends quickly, well or badly. */
export const service = (name: string, options: { count?: number; program?: string; autoRevert?: boolean } = {}) => `
variable "word" {
  type = string
}
job "${name}" {
  group "main" {
    count = ${options.count ?? 1}
    update {
      min_healthy_time  = "0s"
      healthy_deadline  = "5s"
      progress_deadline = "6s"
      auto_revert       = ${options.autoRevert ?? false}
    }
    restart {
      attempts = 0
      mode     = "fail"
    }
    reschedule {
      attempts  = 0
      unlimited = false
    }
    task "main" {
      driver = "raw_exec"
      config {
        command = "${options.program ?? "/bin/sleep"}"
        args    = ["600"]
      }
      meta {
        word = var.word
      }
      resources {
        cpu    = 10
        memory = 10
      }
    }
  }
}
`;
