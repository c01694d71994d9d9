# Always there: two orchestrators of each kind, and an instance of stage-embed, without which searches go without meaning.

terraform {
  backend "gcs" {
    prefix = "heimdex/production"
  }
}

locals {
  environment = "production"
  name        = "heimdex-prod"
  protected   = true
  scaling = {
    "gateway"           = { min = 1, max = 10, cpu = 2, memory = "2Gi", concurrency = 80 }
    "gateway-grpc"      = { min = 1, max = 10, cpu = 1, memory = "1Gi", concurrency = 80 }
    "orchestrator"      = { min = 2, max = 4, cpu = 2, memory = "2Gi", concurrency = 500 }
    "orchestrator-data" = { min = 1, max = 10, cpu = 1, memory = "1Gi", concurrency = 40 }
    "stage-media"       = { min = 0, max = 20, cpu = 8, memory = "8Gi", concurrency = 1 }
    "stage-asr"         = { min = 0, max = 20, cpu = 4, memory = "4Gi", concurrency = 1 }
    "stage-vision"      = { min = 0, max = 20, cpu = 8, memory = "8Gi", concurrency = 1 }
    "stage-embed"       = { min = 1, max = 10, cpu = 2, memory = "2Gi", concurrency = 1 }
  }
}
