mock_provider "google" {}

variables {
  name    = "heimdex-test"
  project = "films-project"
  domain  = "films.example.com"
}

run "alerts" {
  command = apply
  variables {
    alert_emails = ["operator@example.com"]
  }
  assert {
    condition     = google_monitoring_uptime_check_config.main.http_check[0].use_ssl == true && google_monitoring_uptime_check_config.main.monitored_resource[0].labels["host"] == "films.example.com"
    error_message = "it is asked from outside, with TLS"
  }
  assert {
    condition     = length(google_monitoring_alert_policy.main) == 4 && alltrue([for policy in google_monitoring_alert_policy.main : length(policy.notification_channels) == 1 && length(policy.documentation[0].content) > 40])
    error_message = "each alert reaches somebody, and says what to do"
  }
}

run "refuses_what_is_no_address" {
  command = plan
  variables {
    alert_emails = ["operator"]
  }
  expect_failures = [var.alert_emails]
}
