# Small, and empty when nobody uses it.

terraform {
  backend "gcs" {
    prefix = "heimdex/staging"
  }
}

locals {
  environment = "staging"
  name        = "heimdex-stg"
  protected   = false
  scaling = {
    "gateway"           = { min = 0, max = 2, cpu = 1, memory = "1Gi", concurrency = 80 }
    "gateway-grpc"      = { min = 0, max = 2, cpu = 1, memory = "1Gi", concurrency = 80 }
    "orchestrator"      = { min = 1, max = 2, cpu = 1, memory = "1Gi", concurrency = 500 }
    "orchestrator-data" = { min = 1, max = 2, cpu = 1, memory = "1Gi", concurrency = 40 }
    "stage-media"       = { min = 0, max = 2, cpu = 4, memory = "4Gi", concurrency = 1 }
    "stage-asr"         = { min = 0, max = 2, cpu = 2, memory = "4Gi", concurrency = 1 }
    "stage-vision"      = { min = 0, max = 2, cpu = 4, memory = "4Gi", concurrency = 1 }
    "stage-embed"       = { min = 0, max = 1, cpu = 2, memory = "2Gi", concurrency = 1 }
  }
}
