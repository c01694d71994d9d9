mock_provider "google" {}

variables {
  name     = "heimdex-test"
  region   = "europe-west4"
  domain   = "films.example.com"
  services = { http = "heimdex-test-gateway", grpc = "heimdex-test-gateway-grpc" }
}

run "one_address_for_both" {
  command = apply
  assert {
    condition     = google_compute_backend_service.main["grpc"].protocol == "HTTP2" && google_compute_region_network_endpoint_group.main["grpc"].cloud_run[0].service == "heimdex-test-gateway-grpc"
    error_message = "gRPC goes to its service over HTTP/2"
  }
  assert {
    condition     = google_compute_url_map.main.default_service == google_compute_backend_service.main["http"].id
    error_message = "the rest goes to the other one"
  }
  assert {
    condition = (
      google_compute_url_map.main.path_matcher[0].route_rules[0].service == google_compute_backend_service.main["grpc"].id
      && google_compute_url_map.main.path_matcher[0].route_rules[0].match_rules[0].header_matches[0].prefix_match == "application/grpc"
    )
    error_message = "what says it is gRPC is gRPC"
  }
  assert {
    condition     = google_compute_managed_ssl_certificate.main.managed[0].domains == tolist(["films.example.com"]) && google_compute_ssl_policy.main.min_tls_version == "TLS_1_2"
    error_message = "TLS for the domain, from 1.2 on"
  }
  assert {
    condition     = google_compute_url_map.redirect.default_url_redirect[0].https_redirect == true && google_compute_global_forwarding_rule.http.port_range == "80"
    error_message = "plain HTTP is sent to TLS"
  }
}

run "refuses_an_address_for_a_domain" {
  command = plan
  variables {
    domain = "192.0.2.1"
  }
  expect_failures = [var.domain]
}
