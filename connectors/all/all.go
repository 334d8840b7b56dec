package all

import (
	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/connectors/hubspot"
	"github.com/tailrace/tailrace/connectors/mailchimp"
	"github.com/tailrace/tailrace/connectors/meta"
	"github.com/tailrace/tailrace/connectors/mixpanel"
	"github.com/tailrace/tailrace/connectors/webhook"
)

// All are the connectors, in the order that people see them.
var All = []connectors.Connector{webhook.Connector, hubspot.Connector, mailchimp.Connector, meta.Connector, mixpanel.Connector}

// ByName finds a connector.
func ByName(name string) (connectors.Connector, bool) {
	for _, c := range All {
		if c.Name == name {
			return c, true
		}
	}
	return connectors.Connector{}, false
}
