locals {
  charts = {
    "Instances of services"     = "metric.type=\"run.googleapis.com/container/instance_count\" resource.type=\"cloud_run_revision\" ${local.services}"
    "Instances of worker pools" = "metric.type=\"run.googleapis.com/container/instance_count\" resource.type=\"cloud_run_worker_pool\""
    "Requests"                  = "metric.type=\"run.googleapis.com/request_count\" resource.type=\"cloud_run_revision\" ${local.services}"
    "CPU"                       = "metric.type=\"run.googleapis.com/container/cpu/utilizations\""
    "Memory"                    = "metric.type=\"run.googleapis.com/container/memory/utilizations\""
    "Errors in logs"            = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.errors.name}\""
  }
  aligners = {
    "Requests"       = "ALIGN_RATE"
    "CPU"            = "ALIGN_PERCENTILE_99"
    "Memory"         = "ALIGN_PERCENTILE_99"
    "Errors in logs" = "ALIGN_RATE"
  }
}

resource "google_monitoring_dashboard" "main" {
  dashboard_json = jsonencode({
    displayName = var.name
    gridLayout = {
      columns = "2"
      widgets = [for title, filter in local.charts : {
        title = title
        xyChart = {
          dataSets = [{
            timeSeriesQuery = {
              timeSeriesFilter = {
                filter      = filter
                aggregation = { alignmentPeriod = "60s", perSeriesAligner = lookup(local.aligners, title, "ALIGN_MAX") }
              }
            }
          }]
        }
      }]
    }
  })
}
