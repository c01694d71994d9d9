# Whether it serves, what fails, and how much runs. Traces are not here: services send them to an OTLP receiver where OTEL_EXPORTER_OTLP_ENDPOINT names one.

locals {
  services = "resource.labels.service_name=starts_with(\"${var.name}-\")"
  # Our logs are JSON with the level as a word.
  ours = join(" AND ", [
    "resource.type=(\"cloud_run_revision\" OR \"cloud_run_worker_pool\" OR \"cloud_run_job\")",
    "(resource.labels.service_name:\"${var.name}-\" OR resource.labels.worker_pool_name:\"${var.name}-\" OR resource.labels.job_name:\"${var.name}-\")",
  ])
}

resource "google_monitoring_notification_channel" "email" {
  for_each     = toset(var.alert_emails)
  display_name = "Heimdex: ${each.value}"
  type         = "email"
  labels       = { email_address = each.value }
}

resource "google_monitoring_uptime_check_config" "main" {
  display_name = "${var.name}: serves"
  period       = "60s"
  timeout      = "10s"
  http_check {
    path         = "/healthz"
    port         = 443
    use_ssl      = true
    validate_ssl = true
  }
  monitored_resource {
    type = "uptime_url"
    labels = {
      project_id = var.project
      host       = var.domain
    }
  }
}

resource "google_logging_metric" "errors" {
  name        = "${var.name}-errors"
  description = "Lines of level error or fatal"
  filter      = "jsonPayload.level=(\"error\" OR \"fatal\") AND (${local.ours})"
  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    labels {
      key        = "service"
      value_type = "STRING"
    }
  }
  label_extractors = { service = "EXTRACT(jsonPayload.service)" }
}

locals {
  alerts = {
    away = {
      name      = "does not serve"
      help      = "https://${var.domain}/healthz was not answered with 200. The gateway says in its log which server it waits for."
      filter    = "metric.type=\"monitoring.googleapis.com/uptime_check/check_passed\" AND resource.type=\"uptime_url\" AND metric.labels.check_id=\"${google_monitoring_uptime_check_config.main.uptime_check_id}\""
      aligner   = "ALIGN_NEXT_OLDER"
      reducer   = "REDUCE_COUNT_FALSE"
      threshold = 1
      duration  = "120s"
    }
    errors = {
      name      = "logs errors"
      help      = "More than ten lines of level error in five minutes. Logs Explorer: jsonPayload.level=\"error\"; each has the id of an error, and what to do."
      filter    = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.errors.name}\""
      aligner   = "ALIGN_DELTA"
      reducer   = "REDUCE_SUM"
      threshold = 10
      duration  = "0s"
    }
    failed = {
      name      = "answers 5xx"
      help      = "A service answered more than ten calls in five minutes with 5xx. Its log says why; the autoscaler answers 500 when it could not set a worker pool."
      filter    = "metric.type=\"run.googleapis.com/request_count\" AND resource.type=\"cloud_run_revision\" AND metric.labels.response_code_class=\"5xx\" AND ${local.services}"
      aligner   = "ALIGN_DELTA"
      reducer   = "REDUCE_SUM"
      threshold = 10
      duration  = "0s"
    }
    bus = {
      name      = "NATS is down"
      help      = "The machine of NATS has been down for five minutes. Nothing is lost and work goes on, but changes by the API are answered BUS_UNAVAILABLE, and searches go without meaning. gcloud compute instances start ${var.name}-nats"
      filter    = "metric.type=\"compute.googleapis.com/instance/uptime\" AND resource.type=\"gce_instance\" AND metadata.system_labels.name=\"${var.name}-nats\""
      aligner   = "ALIGN_DELTA"
      reducer   = "REDUCE_SUM"
      threshold = 60
      duration  = "300s"
    }
  }
}

resource "google_monitoring_alert_policy" "main" {
  for_each              = local.alerts
  display_name          = "${var.name}: ${each.value.name}"
  combiner              = "OR"
  notification_channels = [for channel in google_monitoring_notification_channel.email : channel.id]
  documentation {
    content   = each.value.help
    mime_type = "text/markdown"
  }
  conditions {
    display_name = each.value.name
    condition_threshold {
      filter                  = each.value.filter
      comparison              = each.key == "bus" ? "COMPARISON_LT" : "COMPARISON_GT"
      threshold_value         = each.value.threshold
      duration                = each.value.duration
      evaluation_missing_data = each.key == "bus" ? "EVALUATION_MISSING_DATA_ACTIVE" : null
      aggregations {
        alignment_period     = each.key == "away" ? "1200s" : "300s"
        per_series_aligner   = each.value.aligner
        cross_series_reducer = each.value.reducer
      }
    }
  }
}
