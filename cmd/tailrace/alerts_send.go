package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/project"
)

// sendAlert posts an alert to the project's address, through the guard that all outbound requests pass, signed after
// Standard Webhooks where a secret is set. Any 2xx is taken as received. Errors never show the address, which may be a
// secret itself.
func sendAlert(ctx context.Context, p *project.Project, a alert, now time.Time) error {
	transport, err := connectors.NewTransport(connectors.TransportOptions{Allow: p.Config.Outbound.Allow})
	if err != nil {
		return fmt.Errorf("outbound.allow of tailrace.yml: %w", err)
	}
	defer transport.Close()
	body, err := a.body()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.Config.Alerts.Webhook.Reveal(), bytes.NewReader(body))
	if err != nil {
		return errors.New("alerts.webhook of tailrace.yml is no address")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Webhook-Id", "alert_"+a.ID)
	request.Header.Set("Webhook-Timestamp", strconv.FormatInt(now.Unix(), 10))
	if secret := p.Config.Alerts.Secret; !secret.IsZero() {
		signer, err := standardwebhooks.NewWebhook(secret.Reveal())
		if err != nil {
			return errors.New("alerts.secret of tailrace.yml is not base64 after whsec_")
		}
		signature, err := signer.Sign("alert_"+a.ID, now, body)
		if err != nil {
			return fmt.Errorf("signing an alert: %w", err)
		}
		request.Header.Set("Webhook-Signature", signature)
	}
	response, err := transport.Do(request)
	if err != nil {
		return errors.New("the address of alerts.webhook didn't answer")
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("the address of alerts.webhook answered %d", response.StatusCode)
	}
	return nil
}
